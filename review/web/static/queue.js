// Lists: J and K, search, and lines that follow what happens. Only what changed is put in; focus and ticks stay.
const { $, $$, when, press, keys, gone } = globalThis.countersign;
const main = () => $("main[data-live]"), list = () => $("#lines");
const links = () => $$("#lines > li > a.over");

// J and K go along the lines; Enter opens, for the line is a link.
const step = (by) => {
  const all = links(), row = document.activeElement?.closest?.("#lines > li"), at = all.findIndex((it) => it.parentNode === row);
  if (!all.length) return false;
  all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)].focus();
};
keys.j = () => step(1);
keys.k = () => step(-1);
keys["/"] = () => ($("#by-text") ? void $("#by-text").focus() : false);
when("click", ({ target }) => {
  const button = target.closest?.("[data-step], [data-search]");
  if (button) button.dataset.step ? step(+button.dataset.step) : $("#by-text").focus();
});
const show = () => { if ($(".keys-here")) $(".keys-here").hidden = false; };

// Put the lines as they stand now in the place of those shown. A line that says the same is left alone, whatever is
// open, ticked or focused in it; one that is gone gives its focus to the one after it.
const follow = (fresh) => {
  const shown = list(), focused = document.activeElement?.closest?.("#lines > li");
  const place = focused ? [...shown.children].indexOf(focused) : -1;
  const known = new Map([...shown.children].map((row) => [row.id, row]));
  const link = document.activeElement?.matches?.("a, input") ? document.activeElement.localName : "a";
  const coming = [...fresh.children], stays = new Set(coming.map((row) => row.id));
  for (const [id, row] of known) if (!stays.has(id)) row.remove();
  let before = shown.firstElementChild;
  for (const row of coming) {
    let mine = known.get(row.id);
    if (mine && (row.id === "more" || mine.dataset.version !== row.dataset.version)) {
      const box = $("input[name=item]", mine), to = $("input[name=item]", row), held = mine === focused;
      if (box && to) to.checked = box.checked;
      if (mine === before) before = mine.nextElementSibling;
      mine.replaceWith(row);
      if (held) $(link, row)?.focus({ preventScroll: true });
      mine = row;
    }
    mine ??= row;
    if (mine === before) before = before.nextElementSibling;
    else if (mine.parentNode === shown && shown.moveBefore) shown.moveBefore(mine, before);
    else shown.insertBefore(mine, before);
  }
  shown.hidden = !shown.children.length;
  if (place >= 0 && !shown.contains(document.activeElement)) {
    const row = document.getElementById(focused.id) ?? shown.children[Math.min(place, shown.children.length - 1)];
    $(link, row ?? shown)?.focus({ preventScroll: true });
  }
  globalThis.htmx?.process(shown);
  document.dispatchEvent(new Event("htmx:after:swap"));
};

// What stands where is asked of the address shown, as long as it is looked at and somebody is there.
const IDLE = 30 * 60e3;
let asking = false, again = false, used = Date.now(), ended = false, moment = 0;
const idle = () => document.hidden || ended || Date.now() - used > IDLE;
const look = async () => {
  if (!main() || idle()) return;
  if (asking) { again = true; return; }
  asking = true;
  moment = Date.now();
  const url = new URL(location.href), lines = links().length;
  url.searchParams.delete("done");
  if (lines > 50) url.searchParams.set("lines", lines);
  try {
    const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "manual" });
    if (gone(answer.status) || answer.type === "opaqueredirect") {
      ended = true;
      stream?.close();
      if ($("#signed-out")) $("#signed-out").hidden = false;
    }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), fresh = $("#lines", page);
      const now = main();
      if (fresh && list()) {
        follow(fresh);
        if ($("#count").textContent !== $("#count", page).textContent) $("#count").replaceWith($("#count", page));
      } else if (!fresh !== !list() && !now.contains(document.activeElement)) {
        now.replaceWith($("main", page));
        show();
        document.dispatchEvent(new Event("htmx:after:swap"));
      }
    }
  } catch { /* the next look may find the way */ }
  asking = false;
  if (again) { again = false; setTimeout(look, Math.max(0, 1000 - (Date.now() - moment))); }
};

// A stream says when; where there is none, the list looks every ten seconds by itself.
let stream = null;
const listen = () => {
  if (idle()) { stream?.close(); stream = null; return; }
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  stream = new EventSource(main().dataset.live);
  stream.addEventListener("changed", look);
  stream.addEventListener("open", () => { main().dataset.heard = ""; });
};
if (main()) {
  show();
  listen();
  when("visibilitychange", () => { listen(); look(); });
  for (const sign of ["keydown", "pointermove"]) when(sign, () => { const was = idle(); used = Date.now(); if (was) { listen(); look(); } });
  setInterval(() => { listen(); if (stream?.readyState !== EventSource.OPEN) look(); }, 10e3);
  addEventListener("pagehide", () => stream?.close());
}
