// The item in hand: drafts, what was changed, the lease's heartbeat, the keys of its verdicts.
const { $, $$, when, load, save, ticked, press, keys } = globalThis.countersign;
const desk = () => $("#desk[data-assignment]");
const form = () => $("#judge");

// Drafts: what is typed outlives a reload and a lost lease.
const draft = (of) => `draft:${of.dataset.assignment}`;
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
const tell = (what) => document.dispatchEvent(new CustomEvent(what));
const hold = (seconds) => { until = performance.now() + seconds * 1000; plan(Math.max(1, Math.min(seconds, +desk().dataset.lease, 180) / 3)); };
const lost = () => {
  clearTimeout(timer);
  desk().classList.add("lost");
  $("#offline").hidden = true;
  $("#lost").hidden = false;
  $$("button:not([popovertarget=help], #undo)", form()).forEach((button) => { button.disabled = true; });
  $$(":popover-open").forEach((open) => open.hidePopover());
};
const extend = async () => {
  const now = desk();
  if (!now || now.classList.contains("lost")) return;
  tell("desk:beat");
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
  const now = $("#desk");
  if (!now || now === shown) return;
  if (now.dataset.assignment !== shown?.dataset.assignment) {
    if (shown) { save(draft(shown)); now.focus({ preventScroll: true }); }
    pace(shown && now.dataset.done && performance.now() - since);
    since = performance.now();
  } else pace();
  shown = now;
  tell("desk:arrived");
  if (!desk()) return;
  hold(+now.dataset.left);
  restore();
  if ($("#fault")) $("[aria-invalid=true]", now)?.focus();
};

// Keys of the item in hand.
const toForm = () => $("#correction .field :is(select, textarea, input:checked), #correction .field input").focus();
const inHand = (act) => () => (desk() ? act() : false);
const ofDesk = {
  a: () => press("#approve"), r: () => press("#reject"), s: () => press("#skip"), e: () => press("#escalate"), n: () => $("#comment").focus(),
  c: () => (changed() ? press("#enter") : toForm()), "?": () => $("#help").togglePopover(),
};
for (const [key, act] of Object.entries(ofDesk)) keys[key] = inHand(act);
keys.enter = () => (desk() ? "touched" in desk().dataset && press(changed() ? "#enter" : "#approve") : press("[data-key=Enter]"));
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
Object.assign(globalThis.countersign, { desk, form, draft, arrive, lost, pace });
when("htmx:after:swap", arrive);
when("lease:lost", lost);
when("htmx:error", () => { if (desk()) $("#offline").hidden = false; });
when("visibilitychange", () => { if (!document.hidden) extend(); });
arrive();
