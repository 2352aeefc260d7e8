// Passkeys: the browser asks the device, the device asks its person. What is sent are the API's own requests.
const problem = async (reply) => (await reply.json().catch(() => ({}))).detail ?? "The platform is busy. Try again in a moment.";

async function ask(path, body, csrf) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(await problem(reply));
  return reply.json();
}

function explained(error) {
  // The person waved it away, or the device knows no passkey: browsers do not say which.
  if (error.name === "NotAllowedError") return "Nothing was done: no passkey was chosen in time.";
  if (error.name === "InvalidStateError") return "This device has a passkey of yours already.";
  if (error.name === "SecurityError") return "Passkeys need a site with a name; open this page as localhost.";
  return error.message;
}

async function add(form, csrf) {
  const field = (name) => form.elements[name]?.value || undefined;
  const { options } = await ask("/api/users/me/passkeys/options", { password: field("password"), code: field("code") }, csrf);
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  await ask("/api/users/me/passkeys", { name: field("name"), credential: credential.toJSON() }, csrf);
  location.reload();
}

async function enter(form) {
  const { options } = await ask("/api/auth/passkey/options", {}, "");
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  await ask("/api/auth/passkey", { credential: credential.toJSON() }, "");
  localStorage.setItem("renewed", Date.now());
  location.assign(form.elements.next.value);
}

export async function use(button, csrf) {
  const form = button.form, said = form.querySelector("[data-said]");
  if (button.dataset.passkey === "add" && !form.reportValidity()) return;
  said.textContent = "";
  button.disabled = true;
  try {
    if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error("This browser is too old for passkeys.");
    await (button.dataset.passkey === "add" ? add(form, csrf) : enter(form));
  } catch (error) {
    said.textContent = explained(error);
  } finally {
    button.disabled = false;
  }
}
