// Keys, drafts, clocks and the lease's heartbeat. Every page works without this file; with it, no hand leaves the keyboard.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const desk = () => $("#desk[data-assignment]");
  const form = () => $("#judge");

  // Clocks: the server's words, kept going, with the exact moment in the reader's zone.
  const units = (seconds) => {
    const minutes = Math.floor(Math.abs(seconds) / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    if (minutes < 1) return "less than a minute";
    if (hours < 1) return `${minutes} min`;
    if (days < 1) return `${hours} h` + (minutes % 60 ? ` ${minutes % 60} min` : "");
    return `${days} d` + (hours % 24 && days < 14 ? ` ${hours % 24} h` : "");
  };
  const say = {
    due: (s) => (s > 0 ? `due in ${units(s)}` : `overdue by ${units(s)}`),
    left: (s) => (s > 0 ? units(s) : "no more time"),
    past: (s) => `${units(s)} ago`,
  };
  const tick = () => $$("time[data-clock]").forEach((time) => {
    const at = new Date(time.dateTime), seconds = (at - Date.now()) / 1000, words = say[time.dataset.clock](seconds);
    if (time.textContent !== words) time.textContent = words;
    if (time.dataset.clock === "due") time.className = "tone " + (seconds <= 0 ? "bad" : seconds <= 900 ? "warn" : "plain");
    time.title = at.toLocaleString([], { dateStyle: "full", timeStyle: "long" });
  });

  // Drafts: what is typed outlives a reload, a lost lease and a lost connection. Storage may be full or forbidden.
  const load = (key) => { try { return JSON.parse(sessionStorage[key]); } catch { return null; } };
  const save = (key, value) => { try { value ? (sessionStorage[key] = JSON.stringify(value)) : delete sessionStorage[key]; } catch { /* no draft then */ } };
  const draft = (of) => `draft:${of.dataset.assignment}`;
  const ticked = (field) => /^(radio|checkbox)$/.test(field.type);
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

  // The lease: extended while the page is open, and clearly lost when it is lost.
  let until = 0, timer = 0;
  const plan = (seconds) => { clearTimeout(timer); timer = setTimeout(extend, seconds * 1000); };
  const hold = (seconds) => { until = performance.now() + seconds * 1000; plan(Math.max(1, Math.min(seconds, +desk().dataset.lease) / 3)); };
  const lost = () => {
    clearTimeout(timer);
    desk().classList.add("lost");
    $("#offline").hidden = true;
    $("#lost").hidden = false;
    $$("button:not([popovertarget=help])", form()).forEach((button) => { button.disabled = true; });
    $$(":popover-open").forEach((open) => open.hidePopover());
  };
  const extend = async () => {
    const now = desk();
    if (!now || now.classList.contains("lost")) return;
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
    tick();
    const now = $("#desk");
    if (!now || now === shown) return;
    if (now.dataset.assignment !== shown?.dataset.assignment) {
      if (shown) { save(draft(shown)); now.focus({ preventScroll: true }); }
      pace(shown && now.dataset.done && performance.now() - since);
      since = performance.now();
    } else pace();
    shown = now;
    if (!desk()) return;
    hold(+now.dataset.left);
    restore();
    if ($("#fault")) $("[aria-invalid=true]", now)?.focus();
  };

  // Keys: never while typing, and each has its button.
  const typing = (it) => it.matches("select, textarea, [contenteditable]") || (it.matches("input") && !ticked(it));
  const press = (selector) => { const it = $(selector); if (it && !it.disabled) it.click(); };
  const toForm = () => $("#correction .field :is(select, textarea, input:checked), #correction .field input").focus();
  const keys = {
    a: () => press("#approve"), r: () => press("#reject"), s: () => press("#skip"), e: () => press("#escalate"), n: () => $("#comment").focus(),
    c: () => (changed() ? press("#enter") : toForm()), "?": () => $("#help").togglePopover(),
    enter: () => "touched" in desk().dataset && press(changed() ? "#enter" : "#approve"),
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event, on = typing(target);
    if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && on && !target.closest("[popover]")) return target.blur();
    if (on || ($(":popover-open") && key !== "?") || (key === "Enter" && target.closest("a, button, summary"))) return;
    if (!desk()) { if (key === "Enter") press("[data-key=Enter]"); return; }
    const act = /^\d$/.test(key) ? () => press(`[data-key="${key}"]`) : keys[key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("input", (event) => {
    if (!desk() || !form().contains(event.target)) return;
    desk().dataset.touched = "";
    compare();
    save(draft(desk()), controls().map((f) => [f.name, f.value, ticked(f) ? f.checked : null]));
  });
  // "Correct" with nothing changed leads to the form; with a change it sends.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#correct") && !changed()) { event.preventDefault(); event.stopPropagation(); toForm(); }
  }, true);
  document.addEventListener("htmx:after:swap", arrive);
  document.addEventListener("lease:lost", lost);
  document.addEventListener("htmx:error", () => { if (desk()) $("#offline").hidden = false; });
  document.addEventListener("visibilitychange", () => { tick(); if (!document.hidden) extend(); });
  setInterval(tick, 5000);
  arrive();
})();
