// Many items at once: X selects the one at hand and goes on to the next, Shift X everything; the bar says how many.
const { say, $, $$, when, press, keys } = globalThis.countersign;
const bar = $("#bulk"), boxes = () => $$("input[name=item][form=bulk]");
const every = bar?.elements.everything, told = $("[data-selected]", bar ?? document), pick = $("[data-pick]", bar ?? document);
const rowOf = (it) => it?.closest("li, tr, article");

const tell = () => {
  const n = boxes().filter((box) => box.checked).length, words = told.dataset;
  told.textContent = every.checked ? words.all : n ? say("%(n)s selected|%(n)s selected", { is: n, n: n.toLocaleString(document.documentElement.lang) }) : words.none;
  for (const button of $$("[name=act]", bar)) button.disabled = !n && !every.checked;
};

// The one at hand is the row that has the focus, or where it was last; at first the first.
let last;
when("focusin", ({ target }) => {
  const row = rowOf(target), box = row && boxes().find((it) => rowOf(it) === row);
  if (box) last = box;
});
const next = () => {
  const all = boxes(), at = Math.max(0, all.indexOf(last));
  if (!all.length) return false;
  all[at].checked = !all[at].checked;
  last = all[Math.min(at + 1, all.length - 1)];
  last.focus();
  if (every.checked) every.checked = false;
  tell();
  return true;
};

if (bar) {
  keys.x = (event) => {
    if (!event.shiftKey) return next();
    every.checked = !every.checked;
    tell();
  };
  for (const button of $$("[data-key]", bar)) keys[button.dataset.key] = () => (button.disabled ? false : press(`#bulk [data-key="${button.dataset.key}"]`));
  pick.hidden = false;
  pick.addEventListener("click", next);
  when("change", ({ target }) => {
    if (target.name === "item" && every.checked) every.checked = false;
    tell();
  });
  bar.addEventListener("keydown", (event) => {  // Enter in a field means the button beside it, not the first of the bar
    const button = event.key === "Enter" && $("button", event.target.closest(".field") ?? document.createElement("i"));
    if (button && event.target !== button) event.preventDefault(), button.click();
  });
  when("htmx:after:swap", tell);
  addEventListener("pageshow", tell);
  tell();
}

// The page of an act: taking it back, and how long that can be done; stopping the rest of it.
keys.s = () => ($("#bulk-stop") ? press("#bulk-stop") : false);
keys.u = () => ($("#bulk-undo") ? press("#bulk-undo") : false);
setInterval(() => $$("[data-seconds]").forEach((it) => {
  it.dataset.seconds = Math.max(0, it.dataset.seconds - 1);
  it.textContent = it.dataset.seconds;
}), 1e3);
