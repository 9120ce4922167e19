// Passkeys: their forms appear where the browser has them, and are sent once the device has answered.
const { PublicKeyCredential: here, navigator: { credentials } } = window;
const { say } = globalThis.countersign;
const ask = {
  get: (options) => credentials.get({ publicKey: here.parseRequestOptionsFromJSON(options) }),
  create: (options) => credentials.create({ publicKey: here.parseCreationOptionsFromJSON(options) }),
};
const words = {
  NotAllowedError: say("Your device gave no passkey; nothing was changed. Try again."),
  InvalidStateError: say("This device has a passkey of yours already; nothing was changed."),
};
const send = async (form) => {
  const [button, said] = [form.querySelector("button"), form.querySelector("[role=alert]")];
  button.disabled = true;
  said.textContent = "";
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.begin, { method: "POST", body, redirect: "error" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    form.elements.credential.value = JSON.stringify(await ask[form.dataset.passkey](told));
    form.submit();
  } catch (fault) {
    said.textContent = words[fault.name] || (fault.name === "Error" ? fault.message : say("That did not work; nothing was changed. Try again."));
  }
  button.disabled = false;
};
if (here?.parseRequestOptionsFromJSON) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
  }
}
