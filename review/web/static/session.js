// Around the item in hand: keys of its other acts, tabs, a rest now and then, and what is said when something is gone.
const { $, $$, when, load, save, press, keys } = globalThis.countersign;
const desk = () => $("#desk[data-assignment]"), bar = () => $("#session");

// Keys; each has its button, in what "More" opens.
const acts = { z: "#snooze", b: "#send-back", p: "#pin", m: "#more" };
for (const [key, button] of Object.entries(acts)) keys[key] = () => (desk() && $(button) && !desk().matches(".lost") ? press(button) : false);
when("click", (event) => {
  if (event.target.closest("#snooze, #send-back") && $("#acts")?.matches(":popover-open")) $("#acts").hidePopover();
});

// A tab leads to another item that is held; the present one is pinned first, so that it is not let go unseen.
when("click", (event) => {
  const tab = event.target.closest("[data-tab]"), now = bar();
  if (!tab || !now || tab.matches("[aria-current]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const form = $("#pin")?.form;
  if (!form || $(".also [aria-current]") || desk()?.matches(".lost")) return;
  event.preventDefault();
  const next = Object.assign(document.createElement("input"), { type: "hidden", name: "next", value: tab.dataset.tab });
  form.append(next);
  form.requestSubmit();
  next.remove();
});

// A rest: said in the line above the item, never over it.
const rest = () => {
  const now = bar(), line = $("#break");
  if (!now || !line) return;
  const after = +now.dataset.rest * 60, steady = +now.dataset.steady, put = load("rested") || 0;
  $("#break-over").hidden = false;
  line.hidden = !(after && steady && Date.now() / 1e3 - Math.max(steady, put) >= after);
};
when("click", (event) => { if (event.target.closest("#break-over")) { save("rested", Date.now() / 1e3); rest(); } });
setInterval(rest, 20e3);

// What is said when something is gone. What was typed stays on the screen.
const offline = (is) => { if ($("#offline")) $("#offline").hidden = !is; };
when("session:ended", () => { if ($("#signed-out")) $("#signed-out").hidden = false; $$(":popover-open").forEach((open) => open.hidePopover()); });
addEventListener("offline", () => { if (desk()) offline(true); });
addEventListener("online", () => { if (desk()) { offline(false); document.dispatchEvent(new Event("visibilitychange")); } });
// An answer that is not ours, from whatever stands between, is not put in the item's place.
when("htmx:after:request", (event) => {
  const { response } = event.detail.ctx, of = (name) => response.raw.headers.has(name);
  if (response.status < 400 || response.status === 422 || of("hx-retarget") || of("hx-reswap") || of("hx-redirect")) return;
  event.preventDefault();
  offline(true);
  $$(":popover-open").forEach((open) => open.hidePopover());
});
when("htmx:error", () => $$(":popover-open").forEach((open) => open.hidePopover()));
when("submit", (event) => {
  if (navigator.onLine || !desk() || event.target.closest("[hx-boost]")) return;
  event.preventDefault();
  offline(true);
});
when("htmx:after:swap", rest);
rest();
