// The editor of rules: checked as one types, faults underlined in place, and what may be written offered beside the caret.
const { $, $$, when } = globalThis.countersign;
const form = $("#editing"), source = $("#source"), under = $(".under"), gutter = $(".gutter"), box = $("#choices");

// Line numbers stand beside the text, and faults below it, in the same places as what is wrong.
let faults = [];
const read = () => { faults = $$("#told .faults [data-line]").map((it) => [+it.dataset.line, +it.dataset.column]); };
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const wrong = (line, from) => line.slice(from).match(/^[\p{L}\p{N}_]+|^\S+/u)?.[0].length || 1;
const draw = () => {
  const lines = source.value.split("\n"), bad = new Map();
  for (const [line, column] of faults) bad.set(line, [...(bad.get(line) || []), column]);
  gutter.replaceChildren(...lines.flatMap((_, at) => [bad.has(at + 1) ? make("b", at + 1) : `${at + 1}`, "\n"]));
  under.replaceChildren(...lines.flatMap((line, at) => {
    const parts = [];
    let done = 0;
    for (const column of (bad.get(at + 1) || []).sort((one, other) => one - other)) {
      const text = [...line].slice(0, column - 1).join("").length;
      if (text < done) continue;
      const end = text + wrong(line, text);
      parts.push(line.slice(done, text), make("mark", line.slice(text, end) || " "));
      done = end;
    }
    return [...parts, line.slice(done), "\n"];
  }));
  follow();
};
const follow = () => { under.scrollTop = gutter.scrollTop = source.scrollTop; under.scrollLeft = source.scrollLeft; };

// What the text does is asked for as one types. Only the answer to the last question counts.
let asked = 0, waiting = 0;
const ask = async (submitter = null) => {
  const mine = ++asked, body = new URLSearchParams(new FormData(form, submitter));
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, redirect: "error" });
    if (mine !== asked || !answer.ok) return;
    const it = document.createElement("template"), old = $("#told");
    it.innerHTML = await answer.text();
    const next = $("#told", it.content);
    if (mine !== asked || !next) return;
    if (!$("#offers li", next)) $("#offers", next).replaceWith($("#offers", old));
    old.replaceWith(next);
    read();
    draw();
  } catch { /* the buttons still work */ }
};
const soon = () => {
  asked++;
  $("#told").classList.add("stale");
  clearTimeout(waiting);
  waiting = setTimeout(() => ask(), 350);
};
form.addEventListener("submit", (event) => {
  if (event.submitter?.value === "save") return;
  event.preventDefault();
  clearTimeout(waiting);
  ask(event.submitter);
});

// A fault leads to its place.
const place = (line, column) => source.value.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, column - 1);
when("click", (event) => {
  const it = event.target.closest?.(".faults a")?.closest("[data-line]");
  if (!it) return;
  event.preventDefault();
  const at = place(+it.dataset.line, +it.dataset.column);
  source.focus();
  source.setSelectionRange(at, at);
  source.scrollTop = (+it.dataset.line - 4) * size().high;
});

// What may be written here: the fields, lists, scores and names that this text has.
const size = () => {
  const ruler = make("span", "0".repeat(100)), style = getComputedStyle(source);
  ruler.style.cssText = "position:absolute;visibility:hidden;white-space:pre";
  under.append(ruler);
  const wide = ruler.getBoundingClientRect().width / 100;
  ruler.remove();
  return { wide, high: parseFloat(style.lineHeight), pad: parseFloat(style.paddingLeft) };
};
const before = () => source.value.slice(0, source.selectionStart).match(/[\w.[\]"-]*$/)[0];
const close = () => { box.hidden = true; source.removeAttribute("aria-activedescendant"); };
// A few are shown at a time, so that nothing has to be scrolled; which of how many is told with each.
const SHOWN = 9;
let at = 0, first = 0, found = [], over = 0;
const choice = (it, place) => {
  const one = make("li", ""), kind = make("span", it.textContent);
  kind.className = "soft";
  one.append(make("span", it.dataset.text), kind);
  Object.assign(one, { id: `choice-${place}`, role: "option", ariaSelected: String(place === at), ariaSetSize: found.length, ariaPosInSet: place + 1 });
  one.dataset.place = place;
  return one;
};
const pick = (to) => {
  at = (to + found.length) % found.length;
  first = Math.max(Math.min(first, at), at - SHOWN + 1);
  box.replaceChildren(...found.slice(first, first + SHOWN).map((it, place) => choice(it, first + place)));
  source.setAttribute("aria-activedescendant", `choice-${at}`);
};
const open = () => {
  const typed = before(), head = typed.match(/(?:item|lists|scores|received)\..*$|[\w-]*$/)[0], low = head.toLowerCase();
  found = $$("#offers li").filter(({ dataset: { text } }) => text.toLowerCase().startsWith(low) && text !== head);
  if (!found.length || source.selectionStart !== source.selectionEnd) return close();
  over = head.length;
  first = 0;
  pick(0);
  const lines = source.value.slice(0, source.selectionStart).split("\n"), { wide, high, pad } = size();
  box.hidden = false;
  const left = pad + lines.at(-1).length * wide - source.scrollLeft, top = pad + lines.length * high - source.scrollTop;
  box.style.insetInlineStart = `${Math.max(0, Math.min(left, source.clientWidth - box.offsetWidth))}px`;
  box.style.insetBlockStart = `${top + box.offsetHeight > source.clientHeight ? Math.max(0, top - high - box.offsetHeight) : top}px`;
};
const take = (it) => {
  const end = source.selectionStart;
  source.setRangeText(it.dataset.text, end - over, end, "end");
  close();
  source.focus();
  draw();
  soon();
};
const moves = { ArrowDown: () => pick(at + 1), ArrowUp: () => pick(at - 1), Enter: () => take(found[at]), Escape: close };
source.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === " " && event.ctrlKey) { event.preventDefault(); return open(); }
  if (box.hidden || !moves[event.key] || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  moves[event.key]();
});
source.addEventListener("input", (event) => {
  const line = source.value.slice(0, source.selectionStart).split("\n").length;
  if (event.inputType === "insertLineBreak") faults = faults.map(([each, column]) => [each >= line ? each + 1 : each, column]);
  draw();
  soon();
  const typed = before();
  if (/\b(item|lists|scores|received)\.[\w.]*$/.test(typed)) open();
  else if (!box.hidden) typed ? open() : close();
});
box.addEventListener("pointerdown", (event) => { event.preventDefault(); const it = event.target.closest("li"); if (it) take(found[it.dataset.place]); });
source.addEventListener("blur", close);
source.addEventListener("scroll", () => { follow(); if (!box.hidden) close(); });
form.addEventListener("input", ({ target }) => { if (target.id === "item" || target.id === "pasted") soon(); });

source.setAttribute("aria-haspopup", "listbox");
source.setAttribute("aria-autocomplete", "list");
source.setAttribute("aria-controls", "choices");
close();
read();
draw();
