// The item in hand: the lease's heartbeat, the keys of its verdicts.
const { $, $$, when, press, keys, gone, compare, changed } = globalThis.countersign;
const desk = () => $("#desk[data-assignment]");
const form = () => $("#judge");

// The lease: extended while the page is open, clearly lost when lost.
let until = 0, timer = 0;
const plan = (seconds) => { clearTimeout(timer); timer = setTimeout(extend, seconds * 1000); };
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
  document.dispatchEvent(new Event("desk:beat"));
  try {
    const body = new URLSearchParams({ fence: now.dataset.fence, _csrf: $("[name=csrf-token]").content });
    const answer = await fetch(now.dataset.extend, { method: "POST", body, redirect: "error" });
    if (now !== desk()) return;
    if (!answer.ok) { if (gone(answer.status)) return; throw answer; }
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
let shown = null;
const arrive = () => {
  const now = $("#desk");
  if (!now || now === shown) return;
  if (now.dataset.assignment !== shown?.dataset.assignment) {
    if (shown) now.focus({ preventScroll: true });
  }
  shown = now;
  if (!desk()) return;
  hold(+now.dataset.left);
  compare();
  if ($("#fault")) $("[aria-invalid=true]", now)?.focus();
};

// Keys of the item in hand.
const toForm = () => $("#correction .field :is(select, textarea, input:checked), #correction .field input").focus();
const inHand = (act) => () => (desk() ? act() : false);
const ofDesk = {
  a: () => press("#approve"), r: () => press("#reject"), s: () => press("#skip"), e: () => press("#escalate"), n: () => $("#comment").focus(),
  c: () => (changed() ? press("#enter") : toForm()),
};
for (const [key, act] of Object.entries(ofDesk)) keys[key] = inHand(act);
const elsewhere = keys.enter;
keys.enter = () => (desk() ? "touched" in desk().dataset && press(changed() ? "#enter" : "#approve") : elsewhere());
when("input", (event) => {
  if (!desk() || !form().contains(event.target)) return;
  desk().dataset.touched = "";
});
when("draft:restored", compare);
// "Correct" with nothing changed leads to the form; with a change it sends.
when("click", (event) => {
  if (event.target.closest("#correct") && !changed()) { event.preventDefault(); event.stopPropagation(); toForm(); }
}, true);
Object.assign(globalThis.countersign, { desk, form, hold });
when("htmx:after:swap", arrive);
when("lease:lost", lost);
when("htmx:error", () => { if (desk()) $("#offline").hidden = false; });
when("visibilitychange", () => { if (!document.hidden) extend(); });
arrive();
