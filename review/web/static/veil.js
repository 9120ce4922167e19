// What is sensitive: a key lifts the veil, and it stays lifted while the same item is only shown anew, as with another form.
const { $, when, keys, press } = globalThis.countersign;
const item = () => $("#desk[data-assignment]")?.dataset.assignment ?? "";
let lifted = "";
keys.v = () => ($("#veil") ? press("#veil") : false);
when("change", ({ target }) => { if (target.id === "veil") lifted = target.checked ? item() : ""; });
when("htmx:after:swap", () => {
  const veil = $("#veil");
  if (item() !== lifted) lifted = "";
  else if (veil && lifted) veil.checked = true;
});
