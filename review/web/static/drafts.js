// Drafts: what is typed outlives a reload, a lost lease and a lost session; on the server, for other devices too.
const { say, $, $$, when, load, save, ticked, gone } = globalThis.countersign;
const desk = () => $("#desk[data-assignment]"), drafting = () => $("#drafting");
const named = (of) => `draft:${of.dataset.assignment}`;
const controls = () => $$("input:not([type=hidden]), select, textarea", $("#judge"));
const snapshot = () => controls().map((field) => [field.name, field.value, ticked(field) ? field.checked : null]);

// What the server knows of the item on the screen: its draft's version, and whether it is this page that goes on with it.
let shown = null, version = 0, dirty = false, held = false, timer = 0, last = 0, leaving = "";
const keep = () => save(named(desk()), { version, fields: snapshot() });
const tell = (words) => { const place = $("#saved"); if (place && place.textContent !== words) place.textContent = words; };

const restore = () => {
  const kept = load(named(desk())), offer = $("#offer");
  if (!kept?.fields || "touched" in desk().dataset || $("#fault") || "used" in drafting().dataset) return;
  const unused = [...kept.fields];
  for (const field of controls()) {
    const at = unused.findIndex(([name, value, on]) => name === field.name && (on === null || value === field.value));
    if (at < 0) continue;
    const [[, value, on]] = unused.splice(at, 1);
    ticked(field) ? (field.checked = on) : (field.value = value);
  }
  desk().dataset.touched = "";
  document.dispatchEvent(new Event("draft:restored"));
  if (kept.version === version && !unused.length) { offer?.remove(); held = false; }
  if (kept.unsaved && !held) { dirty = true; plan(); }
};

const send = async (keepalive = false) => {
  clearTimeout(timer);
  if (!dirty || held || !desk() || !drafting()) return;
  dirty = false;
  last = performance.now();
  const now = desk(), body = new URLSearchParams(new FormData($("#judge")));
  body.set("draft_version", version);
  try {
    const answer = await fetch(drafting().dataset.save, { method: "POST", body, keepalive, redirect: "error" });
    if (now !== desk()) return;
    if (answer.status === 409) { held = true; $("#overtaken").hidden = false; return tell(""); }
    if (answer.status === 413) return tell(say("Draft kept in this browser only"));
    if (gone(answer.status)) return;
    if (!answer.ok) throw answer;
    version = (await answer.json()).version;
    if (now !== desk()) return;
    if (!dirty) keep();
    tell(say("Draft saved"));
  } catch {
    if (now !== desk()) return;
    dirty = true;
    tell(say("Draft kept in this browser"));
    timer = setTimeout(send, 5000);
  }
};
const plan = () => { clearTimeout(timer); timer = setTimeout(send, Math.max(800, 2500 - (performance.now() - last))); };

// Whenever a page or an item arrives.
const arrive = () => {
  const now = $("#desk");
  if (!now || now === shown) return;
  const isSame = shown?.dataset.assignment && now.dataset.assignment === shown.dataset.assignment;
  if (shown && leaving === shown.dataset.assignment && !isSame) save(named(shown));
  clearTimeout(timer);
  leaving = "";
  shown = now;
  if (!desk() || !drafting()) return;
  const known = version;
  version = +drafting().dataset.version;
  held = !!$("#offer");
  if (isSame && known === version && held) { $("#offer").remove(); held = false; }
  if (!isSame) dirty = false;
  if ("used" in drafting().dataset) keep();
  restore();
};

when("input", (event) => {
  if (!desk() || !drafting() || !$("#judge").contains(event.target)) return;
  dirty = true;
  tell("");
  save(named(desk()), { version, fields: snapshot(), unsaved: true });
  plan();
});
// A verdict ends the draft; whatever else leads away takes it along.
when("submit", (event) => {
  if (!desk()) return;
  if (event.target.id === "judge") { leaving = desk().dataset.assignment; clearTimeout(timer); }
  else if (!event.target.action.includes("/draft/")) send(true);
}, true);
when("click", (event) => {
  if (!event.target.closest("#keep-mine")) return;
  $("#overtaken").hidden = true;
  held = false;
  dirty = true;
  version = "any";
  send();
});
when("htmx:after:swap", ({ detail }) => {
  arrive();
  if (detail?.ctx?.sourceElement?.action?.endsWith("/draft/discard")) { held = false; version = 0; if (dirty) plan(); }
});
when("visibilitychange", () => { if (document.hidden) send(true); });
addEventListener("online", () => send());
arrive();
