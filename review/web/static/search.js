// A long list of choices as a field to search in (the combobox of WAI-ARIA); without script it is the select that it stands on.
const { say, $$, element } = globalThis.countersign;
const MOST = 100;
const search = (select) => {
  const { id } = select, list = element("ul", { role: "listbox", id: `${id}-l`, class: "listbox", hidden: "" }), said = element("span", { role: "status", class: "unread" });
  const input = element("input", { type: "text", role: "combobox", id, "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder: say("Type to search") });
  for (const name of ["aria-describedby", "aria-invalid", "autofocus"]) if (select.hasAttribute(name)) { input.setAttribute(name, select.getAttribute(name)); select.removeAttribute(name); }
  list.setAttribute("aria-label", select.labels[0]?.textContent.trim() ?? "");
  select.id = `${id}-s`;
  select.hidden = true;
  select.shown = input;
  select.focus = () => input.focus();
  select.before(input, list, said);
  const text = () => (select.value || select.selectedOptions[0]?.text === say("Not given") ? select.selectedOptions[0]?.text ?? "" : "");
  select.sync = () => { if (document.activeElement !== input || list.hidden) input.value = text(); };
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const mark = (at) => {
    const all = $$("[role=option]", list), to = all[(at + all.length) % all.length];
    all.forEach((it) => it.setAttribute("aria-selected", it === to));
    if (to) { input.setAttribute("aria-activedescendant", to.id); to.scrollIntoView({ block: "nearest" }); }
  };
  const at = () => $$("[role=option]", list).findIndex((it) => it.getAttribute("aria-selected") === "true");
  const open = (wanted) => {
    const parts = wanted.toLowerCase().split(/[\s_]+/).filter(Boolean), begins = (it) => it.text.toLowerCase().startsWith(wanted.toLowerCase());
    const found = [...select.options].filter((it) => !it.disabled && parts.every((part) => it.text.toLowerCase().includes(part)));
    found.sort((one, other) => begins(other) - begins(one));
    list.replaceChildren(...found.slice(0, MOST).map((it, place) => {
      const line = element("li", { role: "option", id: `${id}-${place}`, "aria-selected": "false" }, element("bdi", {}, it.text));
      line.option = it;
      return line;
    }));
    if (found.length > MOST) list.append(element("li", { role: "presentation", class: "soft small" }, say("%(count)s more: type to narrow it down|%(count)s more: type to narrow it down", { count: found.length - MOST })));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    said.textContent = found.length ? say("%(count)s to choose from|%(count)s to choose from", { count: found.length }) : say("Nothing like it in the list");
    mark(wanted ? 0 : Math.max(0, found.indexOf(select.selectedOptions[0])));
  };
  const take = (line) => {
    close();
    if (line && line.option !== select.selectedOptions[0]) {
      select.value = line.option.value;
      for (const kind of ["input", "change"]) select.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    input.value = text();
  };
  input.addEventListener("input", (event) => { event.stopPropagation(); open(input.value); });
  input.addEventListener("click", () => list.hidden && open(""));
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", () => { close(); input.value = text(); });
  list.addEventListener("mousedown", (event) => { event.preventDefault(); take(event.target.closest("[role=option]")); });
  input.addEventListener("keydown", (event) => {
    const { key } = event, shut = list.hidden;
    if (event.altKey && !/^Arrow/.test(key)) return;
    if (key === "ArrowDown" || key === "ArrowUp") shut ? open("") : mark(at() + (key === "ArrowDown" ? 1 : -1));
    else if (key === "Enter" && !shut) take($$("[role=option]", list)[at()]);
    else if (key === "Escape" && !shut) { close(); input.value = text(); } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  select.sync();
};
Object.assign(globalThis.countersign, { search });
