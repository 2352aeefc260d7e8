// All that scripts ask of the platform besides pages. An answer is read as what it says it is: a gateway's plain "busy" is no JSON.
const TRIES = 5, LONGEST = 20;

export async function answered(address, options) {
  const reply = await fetch(address, options).catch(() => null);
  const json = /^application\/([a-z.]+\+)?json\b/.test(reply?.headers.get("Content-Type") ?? "");
  const said = json ? await reply.json().catch(() => null) : null;
  return { ok: Boolean(reply?.ok && (said !== null || reply.status === 204)), status: reply?.status ?? 0, wait: Number(reply?.headers.get("Retry-After")) || 2, said };
}

export const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

// What is sent to the API itself: its answer, or what it says against it.
export async function send(path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": cookie("stratforge_csrf") };
  const { ok, said } = await answered(path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  if (ok) return said;
  const [found] = said?.findings ?? [];
  throw new Error(found ? `Line ${found.line}: ${found.message}` : (said?.detail ?? "The platform does not answer. Try again in a moment."));
}

// What only reads is read again while the platform is busy, as long after as it says.
export async function read(address) {
  for (let tries = 1; ; tries += 1) {
    const { ok, status, wait, said } = await answered(address, { headers: { Accept: "application/json" } });
    if (ok) return said;
    if (tries === TRIES || (status < 500 && status !== 429)) throw new Error(String(status));
    await new Promise((done) => setTimeout(done, 1000 * Math.min(wait, LONGEST)));
  }
}
