// Kinds of content: the picture's size, marks and what they mark, fields and their evidence, one of two answers.
const { say, $, $$, when } = globalThis.countersign;

// Pictures: larger, smaller, moved, fitted; by key, wheel and pointer.
const STEP = 1.25, MOST = 16, FAR = 60;
const views = new WeakMap();
const view = (stage) => views.get(stage) || views.set(stage, { x: 0, y: 0, k: 1 }).get(stage);
const put = (stage) => {
  const at = view(stage), { clientWidth: w, clientHeight: h } = stage;
  at.x = Math.min(0, Math.max(w * (1 - at.k), at.x));
  at.y = Math.min(0, Math.max(h * (1 - at.k), at.y));
  $(".sheet", stage).style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.k})`;
  stage.classList.toggle("large", at.k > 1);
};
const zoom = (stage, by, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
  const at = view(stage), k = by ? Math.min(MOST, Math.max(1, at.k * by)) : 1;
  at.x = x - (x - at.x) * k / at.k;
  at.y = y - (y - at.y) * k / at.k;
  at.k = k;
  put(stage);
};
const move = (stage, x, y) => { view(stage).x += x; view(stage).y += y; put(stage); };
const acts = {
  "+": (s) => zoom(s, STEP), "=": (s) => zoom(s, STEP), "-": (s) => zoom(s, 1 / STEP), "0": (s) => zoom(s, 0),
  ArrowLeft: (s) => move(s, FAR, 0), ArrowRight: (s) => move(s, -FAR, 0), ArrowUp: (s) => move(s, 0, FAR), ArrowDown: (s) => move(s, 0, -FAR),
};
const buttons = { in: "+", out: "-", fit: "0" };
when("keydown", (event) => {
  const stage = event.target.closest?.(".stage");
  if (!stage || event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key](stage);
}, true);
when("wheel", (event) => {
  const stage = event.target.closest?.(".stage");
  if (!stage || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const box = stage.getBoundingClientRect();
  zoom(stage, event.deltaY < 0 ? STEP : 1 / STEP, event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
let held = null;
when("pointerdown", (event) => {
  const stage = event.target.closest?.(".stage.large");
  if (!stage || event.button) return;
  event.preventDefault();
  stage.focus();
  stage.setPointerCapture(event.pointerId);
  held = { stage, x: event.clientX, y: event.clientY };
});
when("pointermove", (event) => {
  if (!held) return;
  move(held.stage, event.clientX - held.x, event.clientY - held.y);
  held.x = event.clientX;
  held.y = event.clientY;
});
for (const over of ["pointerup", "pointercancel"]) when(over, () => { held = null; });
when("dblclick", (event) => {
  const stage = event.target.closest?.(".stage");
  if (!stage) return;
  const box = stage.getBoundingClientRect();
  zoom(stage, view(stage).k > 1 ? 0 : STEP ** 3, event.clientX - box.left, event.clientY - box.top);
});
// Boxes in pixels wait for the picture, which alone knows how many it has.
const scale = (img) => {
  const drawn = img.parentElement?.querySelector("svg[data-pixels]");
  if (!drawn || !img.naturalWidth) return;
  drawn.setAttribute("viewBox", `0 0 ${img.naturalWidth} ${img.naturalHeight}`);
  drawn.dataset.pixels = "known";
};
when("load", (event) => { if (event.target.matches?.(".sheet img")) scale(event.target); }, true);
const OURS = new RegExp(`^${location.origin}/p/[^/]+/items/[^/]+/media/[0-9a-f]{32}$`);
// A file that does not come: the refusal says why, in words, behind its address.
when("error", (event) => {
  const it = event.target;
  if (!it.matches?.(".block img, .block audio, .block video") || !OURS.test(it.src)) return;
  const said = $(".failed", it.closest(".block")) || it.closest(".piece").appendChild(document.createElement("p"));
  said.className = "failed small error";
  said.textContent = say("The file could not be shown. Asking why…");
  fetch(it.src, { headers: { Accept: "application/json" } }).then((answer) => answer.ok ? say("Your browser cannot show this file.") : answer.json().then((told) => told.detail))
    .catch(() => say("It did not arrive.")).then((why) => { said.textContent = why; });
}, true);

// Keys that go to a PDF do not come here, and no frame says so but by having the focus.
const away = () => $$("[data-away]").forEach((it) => { it.hidden = document.activeElement !== $("iframe", it.closest(".block")); });
addEventListener("blur", () => setTimeout(away));
addEventListener("focus", () => setTimeout(away));
when("load", () => setTimeout(away), true); // what a frame loads may take the focus, or lose it

// Marks: what is pointed at, or has the focus, lights up wherever it is drawn.
const same = (it) => {
  const { mark, for: field } = it.dataset;
  return $$("[data-mark], [data-for]").filter((other) => (mark && other.dataset.mark === mark) || (field && other.dataset.for === field));
};
const light = (those) => {
  $$(".lit").forEach((it) => it.classList.remove("lit"));
  those.forEach((it) => it.classList.add("lit"));
};
const pointerOf = (target) => { const name = target.name || ""; return /^o\//.test(name) ? name.slice(1) : ""; };
const about = (target) => {
  const it = target.closest?.("[data-mark], [data-for]"), field = it ? "" : pointerOf(target);
  const found = it ? same(it) : field ? $$("[data-for]").filter((other) => other.dataset.for === field) : [];
  light(found);
  if (field) found.find((other) => other.dataset.mark)?.scrollIntoView({ block: "nearest" });
};
when("focusin", (event) => about(event.target));
when("pointerover", (event) => { if (event.target.closest?.("[data-mark], .extracted [data-for]")) about(event.target); });

// Extraction: each control of the form carries the meter of its field.
const meters = () => $$(".extracted [data-sure]").forEach((row) => {
  const control = $$("#judge [name]").find((it) => it.name === "o" + row.dataset.for), field = control?.closest(".field");
  if (!field || $(".sure", field)) return;
  const meter = document.createElement("span");
  meter.className = "sure small";
  meter.append(...$(".sure", row).cloneNode(true).childNodes);
  field.classList.toggle("low", row.classList.contains("low"));
  ($("label, legend", field) || field).append(" ", meter);
});

// Two answers: each heading takes the choice that stands at its place.
const picks = () => $$("[data-pick]").forEach((button) => {
  const option = $$("#correction [data-keys] input")[button.dataset.pick];
  button.hidden = !option;
  if (option) $("kbd", button).textContent = option.dataset.key || "";
});
when("click", (event) => {
  const zoomed = event.target.closest?.("[data-zoom]"), picked = event.target.closest?.("[data-pick]");
  if (zoomed) acts[buttons[zoomed.dataset.zoom]]($(".stage", zoomed.closest("[data-viewer]")));
  const option = picked && $$("#correction [data-keys] input")[picked.dataset.pick];
  option?.click();
  option?.focus();
});

const arrive = () => {
  $$("[data-viewer] .tools").forEach((tools) => tools.removeAttribute("data-waits"));
  $$(".sheet img").forEach((img) => { if (img.complete) scale(img); });
  meters();
  picks();
  for (const it of $$("#judge [data-module]")) {
    Object.assign(it, { tabIndex: 0, role: "group", ariaLabel: it.dataset.told });
    $(".labels", it.parentElement).removeAttribute("data-waits");
    import(it.dataset.module).then((kind) => kind.begin(it));
  }
};
when("htmx:after:swap", arrive);
arrive();
