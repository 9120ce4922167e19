// Clocks and keys, on every page. Every page works without; with it, no hand leaves the keyboard.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
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

// What outlives a reload. Storage may be full or forbidden.
const load = (key) => { try { return JSON.parse(sessionStorage[key]); } catch { return null; } };
const save = (key, value) => { try { value ? (sessionStorage[key] = JSON.stringify(value)) : delete sessionStorage[key]; } catch {} };

// Keys: never while typing, and each has its button. A page adds its own to `keys`; what they return false for is not theirs.
const ticked = (field) => /^(radio|checkbox)$/.test(field.type);
const typing = (it) => it.matches("select, textarea, [contenteditable]") || (it.matches("input") && !ticked(it));
const press = (selector) => $(selector)?.click();
const keys = { enter: () => $("[data-key=Enter]") ? press("[data-key=Enter]") : false };
when("keydown", (event) => {
  const { target, key } = event, on = typing(target);
  if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && on && !target.closest("[popover]")) return target.blur();
  if (on || ($(":popover-open") && key !== "?") || (key === "Enter" && target.closest("a, button, summary"))) return;
  const act = /^\d$/.test(key) ? () => ($(`[data-key="${key}"]`) ? press(`[data-key="${key}"]`) : false) : keys[key.toLowerCase()];
  if (act && act(event) !== false) event.preventDefault();
});
when("htmx:after:swap", tick);
when("visibilitychange", tick);
setInterval(tick, 15e3);
tick();
globalThis.countersign = { $, $$, when, load, save, ticked, press, keys, tick };
