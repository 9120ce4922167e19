// Spans of a text, by selecting in it: the rows of the form hold them, and what is drawn follows.
const { say, $, $$, when } = globalThis.countersign;

export const begin = (place) => {
  if (place.begun) return;
  place.begun = true;
  const text = place.textContent, letters = [...text];
  const words = [...text.matchAll(/[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]+/gu)].map((it) => [it.index, it.index + it[0].length]);
  const tools = $(".labels", place.parentElement), said = $("[data-said]", place.parentElement);
  const labels = $$("[data-label]", tools), labelled = (value) => labels.find((it) => it.dataset.label === value);
  const tell = (words) => { said.textContent = say(words); };
  let at = null, until = null, chosen = null;

  // The rows of the form: the place of one span each.
  const list = () => $$("#judge [data-rows]").find((it) => it.dataset.pointer === place.dataset.field);
  const rows = () => { const all = list(); return all ? $$(":scope > .rows > .row", all) : []; };
  const field = (row, names) => $$(".field[data-pointer]", row).find((it) => names.includes(it.dataset.pointer.split("/").pop()));
  const controls = (it) => it ? $$("[name]:not([type=hidden], button)", it) : [];
  const valueOf = (it) => { const all = controls(it); return all[0]?.type === "radio" ? all.find((one) => one.checked)?.value ?? "" : all[0]?.value ?? ""; };
  const fill = (it, value) => {
    const all = controls(it), one = all[0]?.type === "radio" ? all.find((each) => each.value === value) : all[0];
    if (!one) return;
    if (one.type === "radio") one.checked = true; else one.value = value;
    one.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const LABEL = ["label", "type", "entity"];
  const spans = () => rows().map((row) => ({ row, start: +valueOf(field(row, ["start"])), end: +valueOf(field(row, ["end"])), label: valueOf(field(row, LABEL)) }))
    .filter((it) => it.start >= 0 && it.start < it.end && it.end <= letters.length);
  const key = (it) => `${it.start}-${it.end}`, find = (name) => spans().find((it) => key(it) === name);
  const wordsOf = (it) => letters.slice(it.start, it.end).join("").slice(0, 80);

  // Where spans overlap the shorter one shows.
  const draw = () => {
    if (!list()) return;
    const known = spans().sort((a, b) => (a.end - a.start) - (b.end - b.start));
    const edges = [...new Set([0, letters.length, ...known.flatMap((it) => [it.start, it.end])])].sort((a, b) => a - b);
    const pieces = edges.slice(1).map((end, i) => {
      const start = edges[i], over = known.find((it) => it.start <= start && end <= it.end), piece = letters.slice(start, end).join("");
      if (!over) return piece;
      const mark = document.createElement("mark");
      const label = labelled(over.label);
      mark.className = `tone-${label?.dataset.tone || 1}`;
      mark.title = label ? $("bdi", label).textContent : over.label;
      mark.textContent = piece;
      mark.classList.toggle("chosen", chosen === key(over));
      mark.span = over;
      return mark;
    });
    place.replaceChildren(...pieces);
  };

  // The selection, as letters from and to.
  const selected = () => {
    const held = getSelection(), range = held.isCollapsed ? null : held.getRangeAt(0);
    if (!range || !place.contains(range.commonAncestorContainer)) return null;
    const before = document.createRange();
    before.selectNodeContents(place);
    before.setEnd(range.startContainer, range.startOffset);
    const start = [...before.toString()].length, picked = [...range.toString()];
    const lead = picked.findIndex((it) => it.trim()), tail = picked.findLastIndex((it) => it.trim());
    return lead < 0 ? null : [start + lead, start + tail + 1];
  };
  const spot = (unit) => {
    const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(), seen = 0; node; seen += node.length, node = walk.nextNode()) if (unit <= seen + node.length) return [node, unit - seen];
    return [place, 0];
  };
  const go = (by, longer) => {
    if (!words.length) return;
    const next = (from) => Math.max(0, Math.min(words.length - 1, from + by));
    if (longer && at !== null) until = next(until); else at = until = at === null ? (by > 0 ? 0 : words.length - 1) : next(until);
    chosen = null;
    draw();
    getSelection().setBaseAndExtent(...spot(words[Math.min(at, until)][0]), ...spot(words[Math.max(at, until)][1]));
  };
  const step = (by) => {
    const known = spans().sort((a, b) => a.start - b.start || a.end - b.end);
    if (!known.length) return tell("Nothing is marked.");
    const now = known.findIndex((it) => chosen === key(it)), from = now < 0 && by < 0 ? 0 : now;
    const it = known[(from + by + known.length) % known.length];
    getSelection().removeAllRanges();
    chosen = key(it);
    draw();
    const shown = $(".chosen", place);
    shown?.scrollIntoView({ block: "nearest" });
    tell(`${shown?.title || it.label}: ${wordsOf(it)}`);
  };

  // One change at a time, each by the server.
  let turn = Promise.resolve();
  const after = (act) => (turn = turn.then(act, act));
  const shaped = (press) => new Promise((done) => {
    const before = $("#form-fields"), ended = () => { watch.disconnect(); clearTimeout(late); done(); };
    const watch = new MutationObserver(() => { if ($("#form-fields") !== before) ended(); });
    const late = setTimeout(ended, 10_000);
    watch.observe($("#judge"), { childList: true, subtree: true });
    press();
  });
  const mark = (label) => {
    const range = selected(), it = range ? { start: range[0], end: range[1] } : chosen && find(chosen);
    if (!it) return tell("Select what to mark first.");
    after(async () => {
      if (!find(key(it))) {
        const add = list() && $(":scope > [name=_add]", list()), count = rows().length;
        if (!add) return tell("No more can be marked.");
        await shaped(() => add.click());
        if (rows().length === count) return tell("It could not be marked. Nothing was lost; try again.");
        for (const edge of ["start", "end"]) fill(field(rows().at(-1), [edge]), String(it[edge]));
      }
      fill(field(find(key(it)).row, LABEL), label);
      settle(key(it), say("Marked: %(words)s", { words: wordsOf(it) }));
    });
  };
  const settle = (name, words) => {
    chosen = name;
    getSelection().removeAllRanges();
    place.focus({ preventScroll: true });
    draw();
    tell(words);
  };
  const remove = () => {
    const range = selected(), it = (chosen && find(chosen)) || (range && spans().find((one) => one.start < range[1] && range[0] < one.end));
    if (!it) return tell("Choose a mark first: up and down go through them.");
    after(async () => {
      const button = $(":scope > .moves > [name=_remove]", find(key(it))?.row || place);
      if (button) await shaped(() => button.click());
      settle(null, say("No longer marked: %(words)s", { words: wordsOf(it) }));
    });
  };

  place.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const label = labels.find((it) => it.dataset.digit && it.dataset.digit === event.key);
    const act = {
      ArrowRight: () => go(1, event.shiftKey), ArrowLeft: () => go(-1, event.shiftKey),
      ArrowDown: () => step(1), ArrowUp: () => step(-1), Delete: remove, Backspace: remove,
    }[event.key] || (label && (() => mark(label.dataset.label)));
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  place.addEventListener("click", (event) => {
    const it = event.target.span;
    if (!it || !getSelection().isCollapsed) return;
    chosen = key(it);
    draw();
  });
  tools.addEventListener("mousedown", (event) => event.preventDefault()); // a button shall not take the selection away
  tools.addEventListener("click", (event) => {
    const it = event.target.closest("button");
    if (it?.dataset.label !== undefined) mark(it.dataset.label); else if (it) remove();
  });
  when("input", (event) => { if (place.isConnected && event.target.closest?.("#judge")) draw(); });
  new MutationObserver(draw).observe($("#form-fields").parentElement, { childList: true });
  draw();
};
