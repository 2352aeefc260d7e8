// Passkeys: the browser asks the device, the device asks its person. What is sent are the API's own requests.
import { send } from "./requests.js";

const WORDS = {
  // The person waved it away, or the device knows no passkey: browsers do not say which.
  NotAllowedError: "Nothing was done: no passkey was chosen in time.",
  InvalidStateError: "This device has a passkey of yours already.",
  SecurityError: "Passkeys need a site with a name; open this page as localhost.",
};

async function add({ elements }) {
  const field = (name) => elements[name]?.value || undefined;
  const { options } = await send("/api/users/me/passkeys/options", { password: field("password"), code: field("code") });
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  await send("/api/users/me/passkeys", { name: field("name"), credential: credential.toJSON() });
  location.reload();
}

async function enter({ elements }) {
  const { options } = await send("/api/auth/passkey/options", {});
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  await send("/api/auth/passkey", { credential: credential.toJSON() });
  localStorage.setItem("renewed", Date.now());
  location.assign(elements.next.value);
}

export async function use(button) {
  const form = button.form, said = form.querySelector("[data-said]"), adding = button.dataset.passkey === "add";
  if (adding && !form.reportValidity()) return;
  said.textContent = "";
  button.disabled = true;
  try {
    if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error("This browser is too old for passkeys.");
    await (adding ? add : enter)(form);
  } catch (error) {
    said.textContent = WORDS[error.name] ?? error.message;
  }
  button.disabled = false;
}
