// Find or do: one dialog over what this page can do and what the project holds. Loaded when first asked for.
const { say, $, $$, named, seen } = globalThis.countersign;
const home = $("#find").pathname;
const make = (tag, given = {}, ...inside) => {
  const it = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) it.setAttribute(name, value);
  it.append(...inside);
  return it;
};

const list = make("ul", { id: "palette-list", role: "listbox", "aria-label": say("What was found") });
const field = make("input", {
  id: "palette-field", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
  autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: "200", placeholder: say("An item, a page, or something to do"),
});
const told = make("p", { role: "status", class: "unread" });
const close = make("button", { type: "button", class: "quiet" }, "Close");
const label = make("label", { for: "palette-field" }, say("Find or do"));
const dialog = make("dialog", { id: "palette", "aria-label": say("Find or do") }, label, make("div", { class: "field" }, field), list, told, close);
document.body.append(dialog);

// What the page itself offers: every button and link that is there, with its key, and none that would say what is veiled.
const VEILED = ".veils:has(> .veil input:not(:checked)) a:has(.veiled)";
const offered = () => {
  const found = new Map();
  for (const it of $$("main :is(button, a[href]), header :is(nav a, form a, form button)")) {
    const title = named(it), key = $("kbd[data-own]", it)?.textContent || (it.dataset.go ? `G ${it.dataset.go.toUpperCase()}` : "");
    if (title && (seen(it) || it.dataset.go) && !it.disabled && it.tabIndex >= 0 && !it.closest("[hx-ignore]") && !it.matches(VEILED) && !found.has(title)) found.set(title, { title, kind: it.matches("a") ? say("Here") : say("Do"), key, it });
  }
  const rank = ({ it }) => (it.closest("header form") ? 2 : it.matches("a") ? 1 : 0);  // signing out is never the first
  return [...found.values()].sort((one, other) => rank(one) - rank(other));
};

let all = [], from = [], shown = [], at = 0, asking;
const mark = (place) => {
  at = shown.length ? (place + shown.length) % shown.length : 0;
  $$("[role=option]", list).forEach((option, n) => {
    option.setAttribute("aria-selected", n === at);
    if (n === at) option.scrollIntoView({ block: "nearest" });
  });
  shown.length ? field.setAttribute("aria-activedescendant", `palette-${at}`) : field.removeAttribute("aria-activedescendant");
};
const show = () => {
  const wanted = field.value.trim().toLowerCase().split(/\s+/);
  const fits = ({ title }) => wanted.every((word) => title.toLowerCase().includes(word));
  const local = all.filter(fits), known = new Set(local.map((each) => each.title));
  shown = [...local.slice(0, field.value.trim() ? 12 : 40), ...from.filter((each) => !known.has(each.title))];
  list.replaceChildren(...shown.map(({ title, kind, key }, n) => {
    const option = make("li", { id: `palette-${n}`, role: "option", "aria-selected": "false" }, make("span", { class: "grow" }, title), make("span", { class: "soft small" }, kind));
    if (key) option.append(make("kbd", { "aria-hidden": "true" }, key));
    return option;
  }));
  told.textContent = say("%(count)s found|%(count)s found", { count: shown.length });
  mark(0);
};
const ask = async () => {
  asking?.abort();
  from = [];
  show();
  const q = field.value.trim(), mine = (asking = new AbortController());
  if (!q || !home.endsWith("/find")) return;
  await new Promise((done) => setTimeout(done, 120));
  if (mine.signal.aborted) return;
  try {
    const answer = await fetch(`${home}?${new URLSearchParams({ q })}`, { headers: { "HX-Request": "true", Accept: "text/html" }, signal: mine.signal });
    if (!answer.ok) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    from = $$("#found li", found).map((line) => ({ title: $("a", line).textContent, kind: $("a + *", line).textContent, url: $("a", line).getAttribute("href") }));
    const before = at;
    show();
    mark(before);
  } catch { /* a newer question took its place, or the server is away; the page's own actions stay */ }
};
const take = (n) => {
  const chosen = shown[n];
  if (!chosen) return;
  dialog.close();
  if (chosen.url) return location.assign(chosen.url);
  chosen.it.isConnected && (chosen.it.focus(), chosen.it.click());
};

field.addEventListener("input", ask);
field.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) { event.preventDefault(); mark(at + step); }
  if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); take(at); }
});
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) take($$("[role=option]", list).indexOf(option));
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
close.addEventListener("click", () => dialog.close());
// A field that is gone keeps the focus until the next frame, and with it the first key that was meant for the page.
dialog.addEventListener("cancel", () => field.blur());

export const open = (typed) => {
  if (dialog.open) return dialog.close();
  $$(":popover-open").forEach((it) => it.hidePopover());
  all = offered();
  field.value = typed;
  dialog.showModal();
  ask();
  field.focus();
};
