// Keys, drafts, clocks, the lease's heartbeat. Every page works without; with it, no hand leaves the keyboard.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const desk = () => $("#desk[data-assignment]");
const form = () => $("#judge");
const when = (...args) => document.addEventListener(...args);

// Clocks: the server's words, kept going by the working hours it names, in the reader's zone.
const units = (s) => {
  const m = Math.abs(s) / 60 | 0, h = m / 60 | 0, d = h / 24 | 0, and = (n, unit) => (n ? ` ${n} ${unit}` : "");
  return m < 1 ? "less than a minute" : h < 1 ? `${m} min` : d < 1 ? `${h} h` + and(m % 60, "min") : `${d} d` + and(d < 14 && h % 24, "h");
};
const say = {
  due: (s, soon) => (s <= 0 ? "overdue by " : s <= soon ? "due soon: " : "due in ") + units(s),
  left: (s) => (s > 0 ? units(s) : "no more time"),
  past: (s) => `${units(s)} ago`,
};
const put = (it, words) => it.textContent === words || (it.textContent = words);
const hour = (s, weekday) => new Date(s * 1e3).toLocaleString([], { weekday, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const note = ([first, next], now, left) => {
  const [from, to] = first || [0];
  if (from > now) return `stopped until ${hour(from, "short")}`;
  if (!next || (left > 0 && left <= to - now)) return "";
  const day = next[0] - to < 86400 ? undefined : "short";
  return `clock stops ${hour(to, day)}–${hour(next[0], day)}`;
};
const tick = () => $$("time[data-clock]").forEach((time) => {
  const { clock, open, left, soon = 900 } = time.dataset, at = new Date(time.dateTime), now = Date.now() / 1e3;
  let s = at / 1e3 - now;
  if (open) {
    const spans = JSON.parse(open);
    s = spans.reduce((sum, [from, to]) => sum - Math.max(0, Math.min(now, to) - from), +left);
    put(time.nextElementSibling, note(spans.filter(([, to]) => to > now), now, s));
  }
  put(time, say[clock](s, soon));
  if (clock === "due") time.className = "tone " + (s <= 0 ? "bad" : s <= soon ? "warn" : "plain");
  time.title = at.toLocaleString([], { dateStyle: "full", timeStyle: "long" });
});

// Drafts: what is typed outlives a reload and a lost lease. Storage may be full or forbidden.
const load = (key) => { try { return JSON.parse(sessionStorage[key]); } catch { return null; } };
const save = (key, value) => { try { value ? (sessionStorage[key] = JSON.stringify(value)) : delete sessionStorage[key]; } catch {} };
const draft = (of) => `draft:${of.dataset.assignment}`;
const ticked = (field) => /^(radio|checkbox)$/.test(field.type);
const controls = () => $$("input:not([type=hidden]), select, textarea", form());
const restore = () => {
  const kept = load(draft(desk()));
  if (!kept || "touched" in desk().dataset || $("#fault")) return;
  for (const field of controls()) {
    const entry = kept.find(([name, value, on]) => name === field.name && (on === null || value === field.value));
    if (entry) ticked(field) ? (field.checked = entry[2]) : (field.value = entry[1]);
  }
  desk().dataset.touched = "";
  compare();
};

// What differs from what the form started with.
const plain = (text) => text.replace(/\r\n?/g, "\n");
const compare = () => $$(".field[data-was]", form()).forEach((field) => {
  const control = $("input:checked, select, textarea, input:not([type=radio])", field);
  field.classList.toggle("changed", plain(control?.value ?? "") !== plain(field.dataset.was));
});
const changed = () => $(".field.changed, #fault") || $("[name=base]", form()).value !== "output"
  || $$("[data-rows]", form()).some((rows) => $$(":scope > .rows > .row", rows).length !== +rows.dataset.rows)
  || $$(".fields .field:not([data-was]) :is(textarea.json, [name^=o][type=checkbox])", form()).some((f) => f.checked !== f.defaultChecked || f.value !== f.defaultValue);

// The lease: extended while the page is open, clearly lost when lost.
let until = 0, timer = 0;
const plan = (seconds) => { clearTimeout(timer); timer = setTimeout(extend, seconds * 1000); };
const hold = (seconds) => { until = performance.now() + seconds * 1000; plan(Math.max(1, Math.min(seconds, +desk().dataset.lease) / 3)); };
const lost = () => {
  clearTimeout(timer);
  desk().classList.add("lost");
  $("#offline").hidden = true;
  $("#lost").hidden = false;
  $$("button:not([popovertarget=help])", form()).forEach((button) => { button.disabled = true; });
  $$(":popover-open").forEach((open) => open.hidePopover());
};
const extend = async () => {
  const now = desk();
  if (!now || now.classList.contains("lost")) return;
  try {
    const body = new URLSearchParams({ fence: now.dataset.fence, _csrf: $("[name=csrf-token]").content });
    const answer = await fetch(now.dataset.extend, { method: "POST", body, redirect: "error" });
    if (now !== desk()) return;
    if (answer.status >= 500) throw answer;
    if (!answer.ok) return lost();
    $("#offline").hidden = true;
    hold((await answer.json()).seconds_left);
  } catch {
    if (now !== desk()) return;
    const left = (until - performance.now()) / 1000;
    if (left <= 0) return lost();
    $("#offline").hidden = false;
    plan(Math.min(10, left + 0.1));
  }
};

// Whenever a page or an item arrives.
let shown = null, since = 0;
const pace = (took) => {
  const all = load("pace") || { done: 0, ms: 0 };
  if (took) { all.done += 1; all.ms += Math.min(took, 3e5); save("pace", all); }
  if ($("#pace") && all.done) $("#pace").textContent = `${all.done} done · ${(all.ms / all.done / 1000).toFixed(1)} s each`;
};
const arrive = () => {
  tick();
  const now = $("#desk");
  if (!now || now === shown) return;
  if (now.dataset.assignment !== shown?.dataset.assignment) {
    if (shown) { save(draft(shown)); now.focus({ preventScroll: true }); }
    pace(shown && now.dataset.done && performance.now() - since);
    since = performance.now();
  } else pace();
  shown = now;
  if (!desk()) return;
  hold(+now.dataset.left);
  restore();
  if ($("#fault")) $("[aria-invalid=true]", now)?.focus();
};

// Keys: never while typing, and each has its button.
const typing = (it) => it.matches("select, textarea, [contenteditable]") || (it.matches("input") && !ticked(it));
const press = (selector) => $(selector)?.click();
const toForm = () => $("#correction .field :is(select, textarea, input:checked), #correction .field input").focus();
const keys = {
  a: () => press("#approve"), r: () => press("#reject"), s: () => press("#skip"), e: () => press("#escalate"), n: () => $("#comment").focus(),
  c: () => (changed() ? press("#enter") : toForm()), "?": () => $("#help").togglePopover(),
  enter: () => "touched" in desk().dataset && press(changed() ? "#enter" : "#approve"),
};
when("keydown", (event) => {
  const { target, key } = event, on = typing(target);
  if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && on && !target.closest("[popover]")) return target.blur();
  if (on || ($(":popover-open") && key !== "?") || (key === "Enter" && target.closest("a, button, summary"))) return;
  if (!desk()) { if (key === "Enter") press("[data-key=Enter]"); return; }
  const act = /^\d$/.test(key) ? () => press(`[data-key="${key}"]`) : keys[key.toLowerCase()];
  if (act) { event.preventDefault(); act(); }
});
when("input", (event) => {
  if (!desk() || !form().contains(event.target)) return;
  desk().dataset.touched = "";
  compare();
  save(draft(desk()), controls().map((f) => [f.name, f.value, ticked(f) ? f.checked : null]));
});
// "Correct" with nothing changed leads to the form; with a change it sends.
when("click", (event) => {
  if (event.target.closest("#correct") && !changed()) { event.preventDefault(); event.stopPropagation(); toForm(); }
}, true);
when("htmx:after:swap", arrive);
when("lease:lost", lost);
when("htmx:error", () => { if (desk()) $("#offline").hidden = false; });
when("visibilitychange", () => { tick(); if (!document.hidden) extend(); });
setInterval(tick, 15e3);
arrive();
