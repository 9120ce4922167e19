// The form of a correction: what it changes, told as one types; lists to search; times in the reader's zone; fields that come and go.
const { say, $, $$, when, ticked, gone, apart, element, entry } = globalThis.countersign;
const root = () => $("#form-fields");
const plain = (text) => text.replace(/\r\n?/g, "\n");
const own = (field) => $$("[name]:not([type=hidden], button)", field).filter((it) => it.closest(".field") === field);
const zoneOf = (control) => control.type === "datetime-local" && $("[name^=z]", control.parentElement);
const fill = (control, value) => { control.value = value; control.dispatchEvent(new Event("input", { bubbles: true })); };

// What a field carries, in one text, and as people read it.
const now = (field) => {
  const all = own(field), [first] = all;
  if (!first) return "";
  if (ticked(first)) return all.filter((it) => it.checked).map((it) => it.value).join("\n");
  return first.value && zoneOf(first) ? first.value + zoneOf(first).value : plain(first.value);
};
const read = (field, value) => {
  const all = own(field), [first] = all;
  if (!first || !value) return "";
  const among = (it) => `\n${value}\n`.includes(`\n${it.value}\n`);
  if (ticked(first)) return all.filter((it) => it.value && among(it)).map((it) => $("bdi", it.parentElement).textContent).join(", ");
  if (first.matches("select")) return [...first.options].find((it) => it.value === value)?.text ?? "";
  return zoneOf(first) ? value.replace("T", " ") : value;
};
const differs = (field, was, is) => was !== is && !(zoneOf(own(field)[0] || {}) && Date.parse(was) === Date.parse(is));
const compare = () => {
  if (!root()) return;
  const found = $$(".field[data-was]", root()).filter((field) => {
    const changed = differs(field, plain(field.dataset.was), now(field));
    field.classList.toggle("changed", changed);
    count(field);
    return changed;
  });
  $$("select[data-search]", root()).forEach((select) => select.sync?.());
  tell(found.slice(0, 40));
};
const tell = (found) => {
  const place = $("#changes"), kept = $$("[data-of=rows]", place), url = root().dataset.reshape;
  const lines = found.map((field) => {
    const was = plain(field.dataset.was), is = now(field), [first] = own(field);
    const pieces = ticked(first) || first.matches("select") ? null : apart(was, is);
    return entry({ label: field.dataset.label, was: read(field, was), is: read(field, is), pieces, name: first.name, url });
  });
  place.replaceChildren(...(lines.length + kept.length ? [element("dl", { class: "diff" }, ...lines, ...kept)] : []));
};
const reordered = (rows) => {
  const from = $$(":scope > .rows > .row > [name^=r]", rows).map((it) => it.value);
  return from.length !== +rows.dataset.rows || from.some((it, at) => it !== String(at));
};
const changed = () => $(".field.changed, #fault") || $("[name=base]", $("#judge")).value !== "output" || $$("[data-rows]", $("#judge")).some(reordered);

// How much room is left, once there is little.
const count = (field) => {
  const most = +field.dataset.most;
  if (!most) return;
  const left = most - [...own(field)[0].value].length, said = $(".count", field) || field.appendChild(element("span", { class: "count small", role: "status" }));
  said.classList.toggle("error", left < 0);
  said.textContent = left < 0 ? say("%(n)s character too many|%(n)s characters too many", { n: -left }) : left <= Math.max(20, most / 10) ? say("%(n)s character left|%(n)s characters left", { n: left }) : "";
};

// The form in another shape: rows more or fewer, a field opened, what other answers ask for. The server makes it from what is filled in.
// What was filled in meanwhile is not in the answer, so it is asked again.
let turn = 0;
const filled = () => new URLSearchParams(new FormData($("#judge")));
const reshape = async (name, value) => {
  const mine = (turn += 1), body = filled(), sent = String(body), was = document.activeElement;
  body.append(name, value);
  try {
    const answer = await fetch(root().dataset.reshape, { method: "POST", body, redirect: "error", headers: { "HX-Request": "true", "HX-Target": "form-fields" } });
    if (mine !== turn) return;
    if (!answer.ok) { if (gone(answer.status)) return; throw answer; }
    const fresh = $("#form-fields", new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (mine !== turn || !fresh) return;
    if (String(filled()) !== sent) return void reshape(name, value);
    const typed = root().contains(document.activeElement) ? document.activeElement : was;
    root().replaceWith(fresh);
    arrive();
    const again = $("[autofocus]", fresh) || (typed?.id && document.getElementById(typed.id));
    if (!again) return void (name === "_show" || $("button, input, select, textarea", fresh)?.focus());
    (again.shown || again).focus();
    again.dispatchEvent(new Event("input", { bubbles: true }));
  } catch { document.dispatchEvent(new Event("htmx:error")); }
};
const takeBack = (name) => {
  const all = $$(`[name="${CSS.escape(name)}"]`, root()), [first] = all, was = first.closest(".field").dataset.was;
  if (ticked(first)) {
    for (const it of all) it.checked = `\n${was}\n`.includes(`\n${it.value}\n`);
    first.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (zoneOf(first) && was) { zoneOf(first).value = was.slice(first.value.length ? was.search(/Z$|[+-]\d\d:\d\d$/) : -1); localise(first, was); fill(first, first.value); }
  else fill(first, was);
  (first.shown || first).focus();
};
when("click", (event) => {
  const button = event.target.closest("#form-fields button[formaction]");
  if (!button) return;
  event.preventDefault();
  event.stopPropagation();
  if (button.name === "_take" && !button.closest("[data-of=rows]")) takeBack(button.value);
  else reshape(button.name, button.value);
}, true);
const live = (event) => { if (root()?.contains(event.target) && event.target.closest("[data-live]") && event.target.name) reshape("_show", ""); };
when("change", live);
when("input", (event) => {
  if (!root()?.contains(event.target)) return;
  const zone = zoneOf(event.target);
  if (zone && event.target.zoned && event.target.value) zone.value = offset(new Date(event.target.value));
  compare();
  if (!event.isTrusted && event.target.matches("select")) live(event);
});
// Rows by key: Alt with up and down moves the line one is in, with Enter adds one, with Delete takes it out.
when("keydown", (event) => {
  const name = event.altKey && { ArrowUp: "_up", ArrowDown: "_down", Delete: "_remove", Enter: "_add" }[event.key];
  const row = name && event.target.closest("#form-fields .row"), rows = name && event.target.closest("#form-fields [data-rows]");
  const button = name === "_add" ? rows && $(":scope > [name=_add]", rows) : row && $(`:scope > .moves > [name=${name}]`, row);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// Times: shown in the reader's zone, sent with its offset.
const two = (n) => String(n).padStart(2, "0");
const offset = (at) => { const m = -at.getTimezoneOffset(); return m ? `${m < 0 ? "-" : "+"}${two(Math.abs(m) / 60 | 0)}:${two(Math.abs(m) % 60)}` : "Z"; };
const localise = (control, text) => {
  const at = new Date(text || Date.now());
  if (!(at.getFullYear() >= 1970)) return;
  const ms = at.getMilliseconds(), rest = ms ? `:${two(at.getSeconds())}.${String(ms).padStart(3, "0")}` : at.getSeconds() ? `:${two(at.getSeconds())}` : "";
  if (text) control.value = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}${rest}`;
  zoneOf(control).value = offset(at);
  control.zoned = true;
  $(".zone", control.parentElement).textContent = say("in your time, %(zone)s", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
};

const arrive = () => {
  if (!root() || root().ready) return;
  root().ready = true;
  $$("input[type=datetime-local]", root()).forEach((it) => localise(it, it.value && it.value + zoneOf(it).value));
  $$("select[data-search]", root()).forEach(globalThis.countersign.search);
  compare();
};
when("htmx:after:swap", arrive);
Object.assign(globalThis.countersign, { compare, changed });
arrive();
