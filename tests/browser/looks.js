// How each component looks, as styles that no font and no machine changes: `tests/browser/test_styleguide.py` runs it.
(hues) => {
  const shades = ["color", "background-color", "border-top-color"];
  const shapes = ["display", "position", "border-top-width", "border-left-width", "border-top-style", "border-top-left-radius", "padding",
    "gap", "font-size", "font-weight", "font-style", "text-decoration-line", "white-space", "opacity", "filter", "min-height", "max-width",
    "list-style-type", "justify-content", "align-items"];
  const told = hues ? shades : [...shades, ...shapes], nothing = /^(0px|auto|none|normal)$/;
  const state = (it) => ["checked", "disabled"].filter((name) => it[name]).map((name) => `:${name}`).join("");
  const name = (it) => it.localName + [...it.classList].sort().map((each) => `.${each}`).join("") + state(it);
  const rounded = (text) => text.replace(/-?\d+\.\d+/g, (number) => String(+(+number).toFixed(2)));
  const plain = document.createElement("p");
  document.body.append(plain);
  const usual = getComputedStyle(plain), found = {};
  for (const it of document.querySelectorAll(".specimen *")) {
    if (!it.checkVisibility() || it.matches("option, optgroup, svg *")) continue;
    const styles = getComputedStyle(it), key = `${name(it.parentElement)} > ${name(it)}`;
    const bare = styles["border-top-width"] === "0px";
    const looks = told.filter((each) => styles[each] !== usual[each] && !nothing.test(styles[each]) && !(bare && each.startsWith("border-top")))
      .map((each) => `${each}: ${rounded(styles[each])}`).join("; ");
    found[key] ??= [];
    if (!found[key].includes(looks)) found[key].push(looks);
  }
  plain.remove();
  return Object.fromEntries(Object.entries(found).map(([key, looks]) => [key, looks.sort().join(" | ")]).filter(([, looks]) => looks));
}
