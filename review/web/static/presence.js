// Who else looks at this item, names completed after an @, what was left open, and the keys to talk. Nothing here is needed.
const { say, $, $$, when, press, keys, load, save } = globalThis.countersign;

// Presence: while the page is looked at it says so every 20 seconds, and is told who else does.
let asked = 0;
const look = async () => {
  const place = $("[data-presence]");
  if (!place || document.hidden || !place.checkVisibility() || ("asked" in place.dataset && Date.now() - asked < 5e3)) return;
  asked = Date.now();
  place.dataset.asked = "";
  try {
    const body = new URLSearchParams({ _csrf: $("[name=csrf-token]").content });
    const answer = await fetch(place.dataset.presence, { method: "POST", body, redirect: "error" });
    const said = answer.ok ? (await answer.json()).said : "";
    if (place.textContent !== said) place.textContent = said;
  } catch { /* the next look may find the way */ }
};

// What of the third column is open stays open from one item to the next.
const remember = () => $$(".why details[id]").forEach((one) => {
  const kept = (load("open") || {})[one.id];
  if (kept !== undefined) one.open = kept;
});
document.addEventListener("toggle", ({ target }) => {
  if (target.matches?.(".why details[id]")) save("open", { ...load("open"), [target.id]: target.open });
}, true);

// Names: what was typed after an @ is completed by Tab, out of those who may see the item.
const word = (field) => /(?:^|\s)@([\w.+-]*)$/.exec(field.value.slice(0, field.selectionStart))?.[1];
const match = (field) => {
  const begun = word(field)?.toLowerCase();
  return begun === undefined ? [] : $$("#nameable option").map((one) => one.value).filter((name) => name.startsWith(begun)).slice(0, 5);
};
const hint = (field) => {
  let line = field.nextElementSibling;
  if (!line?.matches("output")) { line = document.createElement("output"); line.className = "small soft"; field.after(line); }
  const found = match(field);
  line.textContent = !found.length ? "" : found.length === 1 ? say("Tab writes @%(name)s", { name: found[0] })
    : say("Tab writes @%(name)s; also %(more)s", { name: found[0], more: found.slice(1).join(", ") });
};
when("input", ({ target }) => { if (target.matches("[data-names]")) hint(target); });
when("keydown", (event) => {
  const { target, key } = event;
  if (key !== "Tab" || event.shiftKey || !target.matches("[data-names]")) return;
  const [name] = match(target);
  if (!name || word(target) === name) return;
  event.preventDefault();
  target.setRangeText(`${name} `, target.selectionStart - word(target).length, target.selectionStart, "end");
  hint(target);
});

keys.q = () => ($("#ask") ? press("#ask") : false);
keys.t = () => ($("#say-it") ? press("#say-it") : false);
when("htmx:after:swap", ({ detail }) => {
  const source = detail?.ctx?.sourceElement;
  if (source?.matches("form[data-talk]") && detail.ctx.response?.raw?.ok) {
    source.reset();
    source.closest("[popover]")?.hidePopover();
  }
  remember();
  look();
});
when("visibilitychange", look);
setInterval(look, 2e4);
remember();
look();
