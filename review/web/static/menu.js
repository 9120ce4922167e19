// The menu of the top row.
const { $, $$, when } = globalThis.countersign;

// It closes when the hand is elsewhere.
const shut = (it) => $$(".top details").forEach((menu) => { menu.open &&= menu.contains(it); });
when("focusin", ({ target }) => shut(target));
when("click", ({ target }) => shut(target));
when("keydown", ({ key, target }) => { if (key === "Escape" && target.closest(".top details")) { $(".top summary").focus(); shut(); } });
