// Buttons that copy what stands beside them; without script, or without a clipboard, there are none, and it is selected by hand.
const { $, $$, when } = globalThis.countersign;
const show = () => $$("button[data-copies]").forEach((button) => { button.hidden = !navigator.clipboard; });
when("click", async ({ target }) => {
  const button = target.closest("button[data-copies]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(from.textContent);
    const said = $("#copied");
    said.textContent = "";
    said.textContent = button.dataset.said;
  } catch {
    getSelection().selectAllChildren(from);
  }
});
when("htmx:after:swap", show);
show();
