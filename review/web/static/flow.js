// From one item to the next: the next is claimed and rendered ahead, and painted by the verdict itself; Undo brings the last one back.
const { say, $, $$, when, load, save, press, keys, gone, desk, form, hold } = globalThis.countersign;
const tell = (what, detail) => document.dispatchEvent(new CustomEvent(what, { detail }));
const send = (url, fields) => fetch(url, { method: "POST", body: new URLSearchParams({ _csrf: $("[name=csrf-token]").content, ...fields }), redirect: "error" });
const is = (one, other) => one?.dataset.assignment === other?.dataset.assignment;

// The next item. Its pictures load while it waits, and what is said besides an item goes with the page, not with the item.
let next = null, sending = null, asking = false;
const soon = globalThis.requestIdleCallback || setTimeout;
const read = (text) => { const it = document.createElement("template"); it.innerHTML = text.trim(); return [...document.importNode(it.content, true).children]; };
const ahead = async () => {
  const now = desk();
  if (!now || next || asking || sending || now.matches(".lost")) return;
  asking = true;
  try {
    const answer = await send(now.dataset.ahead, {});
    if (answer.status === 200) [next] = read(await answer.text());
    if (next && is(next, desk())) next = null;
    if (next) $$("img", next).forEach((it) => it.decode().catch(() => {}));
  } catch { /* the server claims the next one itself */ } finally { asking = false; }
};
const paint = (it) => {
  const above = $("#session");
  if (above && $("#session", it)) $("#session", it).replaceWith(above.cloneNode(true));
  $("#desk").replaceWith(it);
  const { url } = it.dataset;
  if (url && url !== location.pathname) {
    history.state || history.replaceState({ htmx: true }, "", location.href);
    history.pushState({ htmx: true }, "", url);
  }
  globalThis.htmx?.process(it);
  tell("htmx:after:swap", {});
};
const putBack = (it) => send(`${it.dataset.url}/put-back`, { fence: it.dataset.fence }).catch(() => {});

// Verdicts go out one at a time, behind what is painted. Until the answer is there nothing says that one was taken.
const post = async (url, body) => {
  const text = String(new URLSearchParams(body)), headers = { "HX-Request": "true", "HX-Current-URL": location.href, "Content-Type": "application/x-www-form-urlencoded" };
  const answer = await fetch(url, { method: "POST", body: text, headers, redirect: "error", keepalive: text.length < 6e4, signal: AbortSignal.timeout(2e4) });
  return [answer, read(await answer.text())];
};
const refuse = (answer, [it]) => {
  if (gone(answer.status) && !it) return;
  if (it && answer.headers.has("HX-Retarget")) $("#notices")?.replaceChildren(it);
  else $("#unsent") && ($("#unsent").hidden = false);
};
const judge = async (submitter) => {
  const before = desk(), now = next, key = `draft:${before.dataset.assignment}`, kept = load(key);
  const body = new FormData(form(), submitter), url = form().action;
  body.set("ahead", now.dataset.assignment);
  body.set("ahead_fence", now.dataset.fence);
  const back = (it) => { next = now; save(key, kept); paint(it); };
  next = null;
  paint(now);
  save(key, kept);
  $("#outcome").textContent = "";
  $("#undo")?.remove();
  $("#unsent").hidden = true;
  $("#sending").hidden = false;
  try {
    const [answer, parts] = await post(url, body);
    if (answer.ok && parts[0]) save(key, null);
    if (answer.ok && parts[0]?.id === "rest") {
      for (const it of parts) { $(`#${it.id}`)?.replaceWith(it); globalThis.htmx?.process(it); }
      if (desk() === now) hold(+now.dataset.lease);
      return undoable();
    }
    if (parts[0]?.id === "desk") return answer.ok ? paint(parts[0]) : back(parts[0]);
    back(before);
    refuse(answer, parts);
  } catch { back(before); $("#unsent").hidden = false; }
};
const takeBack = async (target, submitter) => {
  const before = $("#desk"), body = new FormData(target, submitter), url = submitter.formAction;
  if (next && before.dataset.assignment) await putBack(next);
  next = null;
  try {
    const [answer, parts] = await post(url, body);
    if (!answer.ok || parts[0]?.id !== "desk") { refuse(answer, parts); return $("#undo")?.remove(); }
    paint(parts[0]);
    next = before.dataset.assignment ? before : null;
  } catch { if ($("#offline")) $("#offline").hidden = false; }
};

// The same verdict on two items in so short a time was pressed twice: nobody has seen the second one.
const TWICE_MS = 300;
let last = {};
const isTwice = (on, verdict) => last.verdict === verdict && !is(last.on, on) && performance.now() - last.at < TWICE_MS;
const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
when("submit", (event) => {
  const { target, submitter } = event, undo = target.id === "undoing";
  if (!undo && target !== form()) return;
  if (!undo && isTwice(desk(), submitter?.value)) return stop(event);
  if (sending) {
    stop(event);
    return void sending.then(() => target.isConnected && target.requestSubmit(submitter?.isConnected ? submitter : null));
  }
  if (!undo) last = { on: desk(), verdict: submitter?.value, at: performance.now() };
  if (!undo && !next) return;
  stop(event);
  sending = (undo ? takeBack(target, submitter) : judge(submitter)).finally(() => { sending = null; soon(ahead); });
}, true);
globalThis.addEventListener("pagehide", () => {
  if (next) navigator.sendBeacon(`${next.dataset.url}/put-back`, new URLSearchParams({ _csrf: $("[name=csrf-token]").content, fence: next.dataset.fence }));
  next = null;
});
when("desk:beat", async () => {
  const kept = next;
  if (!kept) return void ahead();
  const answer = await send(kept.dataset.extend, { fence: kept.dataset.fence }).catch(() => null);
  if (answer && !answer.ok && kept === next) { next = null; ahead(); }
});

// Undo counts down, and keeps its place when its time is over.
let counting = 0;
const undoable = () => {
  clearInterval(counting);
  const button = $("#undo"), end = performance.now() + button?.dataset.left * 1000;
  if (!button) return;
  counting = setInterval(() => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) return void ($(".num", button).textContent = say("%(seconds)s s", { seconds: left }));
    clearInterval(counting);
    button.disabled = true;
  }, 250);
};
keys.u = () => (sending ? void sending.then(() => press("#undo:enabled")) : $("#undo:enabled") ? press("#undo") : false);

let shown = $("#desk");
const arrive = () => {
  if (shown === $("#desk")) return;
  shown = $("#desk");
  if (next && is(next, shown)) next = null;
  undoable();
  soon(ahead);
};
when("htmx:after:swap", arrive);
undoable();
soon(ahead);
