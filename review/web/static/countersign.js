// Clocks and keys, on every page. Every page works without; with it, no hand leaves the keyboard.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const when = (...args) => document.addEventListener(...args);

// Words: English, or what a page in another language gives for it. Bars part the forms, of which the first name, a number, takes one.
const { dataset: reader } = document.body;
const given = JSON.parse(reader.words || "{}"), tongue = reader.words ? document.documentElement.lang : [];
const say = (words, names = {}) => {
  const forms = (given[words] ?? words).split("|"), [n] = Object.values(names);
  return (forms[given[""]?.[n < 200 ? n : 100 + n % 100] ?? +(n !== 1)] ?? forms.at(-1)).replace(/%\((\w+)\)s/g, (it, name) => names[name] ?? it);
};

// Clocks: the server's words, kept going by the working hours it names, in the reader's zone.
const units = (s) => {
  const m = Math.abs(s) / 60 | 0, h = m / 60 | 0, d = h / 24 | 0, minutes = m % 60, hours = h % 24;
  if (d) return say(d < 14 && hours ? "%(days)s d %(hours)s h" : "%(days)s d", { days: d, hours });
  return say(m < 1 ? "less than a minute" : h < 1 ? "%(minutes)s min" : minutes ? "%(hours)s h %(minutes)s min" : "%(hours)s h", { hours, minutes });
};
const clocks = {
  due: (s, soon) => say(s <= 0 ? "overdue by %(time)s" : s <= soon ? "due soon: %(time)s" : "due in %(time)s", { time: units(s) }),
  left: (s) => (s > 0 ? units(s) : say("no more time")),
  past: (s) => say("%(time)s ago", { time: units(s) }),
};
const put = (it, words) => it.textContent === words || (it.textContent = words);
const zone = reader.zone || undefined, hourCycle = reader.hours ? "h12" : "h23";
const hour = (s, weekday) => new Date(s * 1e3).toLocaleString(tongue, { weekday, hour: "2-digit", minute: "2-digit", hourCycle, timeZone: zone });
const note = ([first, next], now, left) => {
  const [from, to] = first || [0];
  if (from > now) return say("stopped until %(time)s", { time: hour(from, "short") });
  if (!next || (left > 0 && left <= to - now)) return "";
  const day = next[0] - to < 86400 ? undefined : "short";
  return say("clock stops %(stops)s–%(goes)s", { stops: hour(to, day), goes: hour(next[0], day) });
};
const tick = () => $$("time[data-clock]").forEach((time) => {
  const { clock, open, left, soon = 900 } = time.dataset, at = new Date(time.dateTime), now = Date.now() / 1e3;
  let s = at / 1e3 - now;
  if (open) {
    const spans = JSON.parse(open);
    s = spans.reduce((sum, [from, to]) => sum - Math.max(0, Math.min(now, to) - from), +left);
    put(time.nextElementSibling, note(spans.filter(([, to]) => to > now), now, s));
  }
  put(time, clocks[clock](s, soon));
  if (clock === "due") time.className = "tone " + (s <= 0 ? "bad" : s <= soon ? "warn" : "plain");
  time.title = at.toLocaleString(tongue, { dateStyle: "full", timeStyle: "long", timeZone: zone });
});
const exact = () => $$("time[datetime]:not([title])").forEach((time) => { time.title = time.dateTime.replace("T", " ").replace(/Z$|\+00:00$/, " UTC"); });

// What outlives a reload. Storage may be full or forbidden.
const load = (key) => { try { return JSON.parse(sessionStorage[key]); } catch { return null; } };
const save = (key, value) => { try { value ? (sessionStorage[key] = JSON.stringify(value)) : delete sessionStorage[key]; } catch {} };

// Keys, named as pages name them: never while typing, each with its button. A page adds its own, which return false for what is not
// theirs. `own` is which key does that for the reader, null where they want none.
const own = reader.keys === "off" ? null : JSON.parse(reader.keys || "{}");
const ticked = (field) => /^(radio|checkbox)$/.test(field.type);
const typing = (it) => it.matches("select, textarea, [contenteditable]") || (it.matches("input") && !ticked(it));
const press = (selector) => $(selector)?.click();
const taken = (name, it = $(`[data-key="${name}"]`)) => it ? it.click() : false;
const keys = { enter: () => taken("Enter") };
const meant = (key) => {
  if (!own || key.length > 1) return key.length > 1 ? key : "";
  return Object.keys(own).find((name) => own[name] === key) ?? (key in own ? "" : key);
};
let going = 0, coming = null;
keys.g = () => $("[data-go]") ? void (going = performance.now() + 2000) : false;
keys["?"] = () => $("#help")?.togglePopover();
when("keydown", (event) => {
  const { target } = event, on = typing(target), key = event.key.toLowerCase();
  if (event.isComposing || event.repeat || event.altKey) return;
  if (coming !== null) return event.preventDefault(), event.key.length === 1 && !event.ctrlKey && (coming += event.key);
  if (event.ctrlKey || event.metaKey) return key === "k" && !event.shiftKey && $("#find") ? find(event) : undefined;
  if (key === "escape" && on && !target.closest("[popover], dialog")) return target.blur();
  if (on || $("dialog[open]") || ($(":popover-open") && key !== "?") || (key === "enter" && target.closest("a, button, summary"))) return;
  if (going > performance.now() && key.length === 1) return event.preventDefault(), going = 0, press(`[data-go="${CSS.escape(key)}"]`);
  const name = meant(key);
  const act = /^\d$/.test(name) ? () => taken(name) : keys[name];
  if (act && act(event) !== false) event.preventDefault();
});

// The list of keys is read off the buttons, so it is always true; `data-does` says more than the button.
const seen = (it) => it.checkVisibility() && !it.closest("[popover], dialog");
const named = (it) => (it.dataset.does || it.getAttribute("aria-label") || [...it.childNodes].filter((n) => n.nodeName !== "KBD").map((n) => n.textContent).join(" ")).trim().replace(/\s+/g, " ");
const hints = () => {
  const found = new Map();
  if (!own) return found;
  for (const kbd of $$("kbd[data-own]")) {
    const it = kbd.closest("a, button, label, summary"), key = kbd.textContent;
    if (it && seen(it) && !/[\d?]/.test(key) && !found.has(key)) found.set(key, named(it));
  }
  if (/\d/.test($$("[data-key]").map((it) => it.dataset.key))) found.set("1–9", say("Take that choice or alternative"));
  if ($("[data-key=Enter], #enter")) found.set("Enter", say("Send what is filled in"));
  for (const it of $$("[data-go]")) found.set(`${own.g || "g"} ${it.dataset.go}`.toUpperCase(), say("Go to %(place)s", { place: named(it) }));
  return found;
};
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
when("beforetoggle", ({ target, newState }) => {
  if (target.id !== "help" || newState !== "open") return;
  const all = [...hints()].flatMap(([key, does]) => {
    const term = make("dt", "");
    term.append(...key.split(" ").flatMap((each) => [make("kbd", each), " "]));
    return [term, make("dd", does)];
  });
  $("[data-keys-here]", target).replaceChildren(...all);
}, true);

// The palette comes when first asked for, and gets what is typed meanwhile; without it, its button is a link to the search page.
const find = (event) => {
  event.preventDefault();
  coming = "";
  import($("#find").dataset.palette).then((it) => it.open(coming)).catch(() => location.assign($("#find").href)).finally(() => { coming = null; });
};
when("click", (event) => { if (event.target.closest?.("#find") && !(event.ctrlKey || event.metaKey || event.shiftKey)) find(event); });

// The browser's zone is told with each request, for the server to write times in it.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (here) document.cookie = `countersign-zone=${here}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;

when("htmx:after:swap", () => { tick(); exact(); });
when("visibilitychange", tick);
setInterval(tick, 15e3);
tick();
exact();
// What a refusal beside the page means: the session has ended, or the item is not one's own.
const gone = (status) => {
  const told = { 401: "session:ended", 403: "session:ended", 404: "lease:lost", 409: "lease:lost" }[status];
  if (told) document.dispatchEvent(new Event(told));
  return !!told;
};

globalThis.countersign = { say, $, $$, when, load, save, ticked, press, keys, gone, named, seen };
