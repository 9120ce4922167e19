// From one item to the next: the next is claimed and rendered ahead, and painted by the verdict itself; Undo brings back.
const { $, when, load, save, press, keys, desk, form, draft, arrive, lost, pace } = globalThis.countersign;
const token = () => $("[name=csrf-token]").content;
const send = (url, fields) => fetch(url, { method: "POST", body: new URLSearchParams({ _csrf: token(), ...fields }), redirect: "error" });

// Verdicts are sent one at a time, behind what is painted.
let next = null, sending = null, asking = false;
const later = globalThis.requestIdleCallback || setTimeout;
const read = (text) => { const it = document.createElement("template"); it.innerHTML = text; return it.content.firstElementChild; };
const paint = (it) => {
  $("#desk").replaceWith(it);
  if (it.dataset.url) history.pushState(null, "", it.dataset.url);
  globalThis.htmx?.process(it);
  arrive();
};
const ahead = async () => {
  const now = desk();
  if (!now || next || asking || sending || now.classList.contains("lost")) return;
  asking = true;
  try {
    const answer = await send(now.dataset.ahead, {});
    if (answer.status === 200) next = read(await answer.text());
    if (next?.dataset.assignment === desk()?.dataset.assignment) next = null;
  } catch {} finally { asking = false; }
};
const putBack = (it) => send(`${it.dataset.url}/put-back`, { fence: it.dataset.fence });
const post = async (url, body) => {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(body), headers: { "HX-Request": "true", "HX-Current-URL": location.href } });
  const to = answer.headers.get("HX-Redirect");
  if (to) location.assign(to);
  return [answer, read((await answer.text()).trim())];
};
const judge = async (event) => {
  const before = desk(), { submitter } = event, body = new FormData(form(), submitter), now = next, said = submitter?.dataset.said;
  body.set("ahead", now.dataset.assignment);
  body.set("ahead_fence", now.dataset.fence);
  const url = form().action, kept = load(draft(before)), back = (it) => { next = now; save(draft(before), kept); paint(it); };
  next = null;
  now.dataset.done = said;
  paint(now);
  $("#outcome").textContent = said;
  try {
    const [answer, it] = await post(url, body);
    if (answer.ok && it?.id === "rest") { if (desk() === now) { $("#rest").replaceWith(it); pace(); undoable(); } } else if (it?.id === "desk") answer.ok ? paint(it) : back(it);
    else {
      back(before);
      if (answer.status === 409 && !it) lost(); else if (it) $("#notices").replaceChildren(it); else $("#offline").hidden = false;
    }
  } catch { back(before); $("#offline").hidden = false; }
};
const takeBack = async (event) => {
  const before = $("#desk"), { submitter } = event, body = new FormData(event.target, submitter), url = submitter.formAction;
  if (next && before.dataset.assignment) await putBack(next).catch(() => {});
  next = null;
  try {
    const [answer, it] = await post(url, body);
    if (answer.ok && it?.id === "desk") { paint(it); next = before.dataset.assignment ? before : null; } else if (it) $("#notices")?.replaceChildren(it);
    $("#undo")?.remove();
  } catch { if ($("#offline")) $("#offline").hidden = false; }
};
const inTurn = (act) => { sending = act.finally(() => { sending = null; ahead(); }); };
when("submit", (event) => {
  const undo = event.target.id === "undoing";
  if (!undo && !(event.target === form() && (next || sending))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { target, submitter } = event;
  if (sending) return void sending.then(() => target.isConnected && target.requestSubmit(submitter?.isConnected ? submitter : null));
  inTurn(undo ? takeBack(event) : judge(event));
}, true);
globalThis.addEventListener("pagehide", () => {
  if (next) navigator.sendBeacon(`${next.dataset.url}/put-back`, new URLSearchParams({ _csrf: token(), fence: next.dataset.fence }));
  next = null;
});

// Undo counts down, and keeps its place when its time is over.
let counting = 0;
const undoable = () => {
  clearInterval(counting);
  const button = $("#undo"), end = performance.now() + button?.dataset.left * 1000;
  if (button) counting = setInterval(() => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) return void ($(".num", button).textContent = `${left} s`);
    clearInterval(counting);
    button.disabled = true;
    button.classList.add("over");
  }, 500);
};

keys.u = () => ($("#undo:enabled") ? press("#undo") : false);
when("desk:arrived", () => {
  undoable();
  if (next?.dataset.assignment === desk()?.dataset.assignment) next = null;
  later(ahead);
});
when("desk:beat", () => {
  const kept = next;
  if (kept) send(kept.dataset.extend, { fence: kept.dataset.fence }).then((answer) => { if (answer.status === 409 && kept === next) next = null; }, () => {});
});
undoable();
later(ahead);
