// Every page: who is asking, notices, small conveniences. Charts and the editor are loaded where a page has one.
import { watch } from "./realtime.js";
import { answered, cookie, send } from "./requests.js";

const RENEW_AFTER = 10 * 60_000;

// The access token lives a quarter of an hour. Tabs take turns: a refresh token that is used twice ends the login.
async function renew(force = false) {
  return navigator.locks.request("stratforge-renew", async () => {
    if (!force && Date.now() - Number(localStorage.getItem("renewed") ?? 0) < RENEW_AFTER) return true;
    // Kept alive when the page is left meanwhile: the answer holds the next token, and this one is worth nothing any more.
    const { ok, status } = await answered("/api/auth/refresh", { method: "POST", keepalive: true });
    if (ok) localStorage.setItem("renewed", Date.now());
    else if (status === 401) localStorage.removeItem("renewed");
    return ok;
  });
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = cookie("stratforge_csrf");
});
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.path !== "/logout") return;
  localStorage.removeItem("renewed");
  answered("/api/auth/logout", { method: "POST", keepalive: true });
});
document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr, requestConfig } }) => {
  if (["/login", "/register"].includes(requestConfig.path) && xhr.status < 400) localStorage.setItem("renewed", Date.now());
});
// A login that needs a code as well opens the field for it: a focused field opens what it is in.
document.addEventListener("second-factor-required", () => {
  const field = document.querySelector(".second-factor input");
  field.closest("details").open = true;
  field.focus();
});
document.addEventListener("htmx:sendError", () => notice("The platform does not answer. Nothing was sent; try again in a moment."));
// What is no page of ours is a gateway's word for being busy: it is not put into the page. What asks by itself asks again, whoever pressed is told.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig: { elt } } = event.detail;
  if (xhr.status < 400 || (xhr.getResponseHeader("Content-Type") ?? "").startsWith("text/html")) return;
  event.detail.shouldSwap = false;
  const asks = elt.getAttribute("hx-trigger") ?? "";
  if (asks.endsWith("again")) setTimeout(() => htmx.trigger(elt, "again"), 1000 * (Number(xhr.getResponseHeader("Retry-After")) || 2));
  else if (!asks.includes("every ")) document.dispatchEvent(new CustomEvent("busy"));
});

// What a person is typing into is not taken from under his hands: it is brought up to date with the next look.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const typing = document.activeElement;
  if (detail.target.matches("[data-left-while-typing]") && detail.target.contains(typing) && typing.matches("input")) detail.shouldSwap = false;
});

function notice(text) {
  document.getElementById("notices").replaceChildren(Object.assign(document.createElement("p"), { className: "notice bad", role: "alert", textContent: text }));
}

document.addEventListener("busy", () => notice("The platform is busy. Try again in a moment."));

// That a page is being left is seen before the next one answers.
addEventListener("beforeunload", () => document.documentElement.classList.add("leaving"));
addEventListener("pageshow", () => document.documentElement.classList.remove("leaving"));

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-dismiss],[data-copy],[data-copy-address],[data-fill],[data-filter],[data-print],[data-passkey],[data-close]");
  if (!target) return;
  if ("passkey" in target.dataset) (await import("./passkeys.js")).use(target);
  if ("print" in target.dataset) print();
  if ("close" in target.dataset) target.closest("dialog").close();
  if ("dismiss" in target.dataset) target.parentElement.remove();
  const copied = target.dataset.copy ?? (target.dataset.copyAddress && new URL(target.dataset.copyAddress, location.href).href);
  if (copied) {
    await navigator.clipboard?.writeText(copied);
    target.textContent = "Copied";
  }
  if (target.dataset.fill) {
    const field = document.querySelector(`[name="${target.dataset.fill}"]`);
    field.value = target.dataset.text;
    if (target.dataset.kind) field.form.elements.size_kind.value = target.dataset.kind;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }
  if (target.dataset.filter) filter(target);
});

function filter(chosen) {
  for (const chip of chosen.parentElement.children) chip.setAttribute("aria-pressed", chip === chosen);
  for (const row of chosen.closest(".card").querySelectorAll("[data-kinds]")) row.hidden = chosen.dataset.filter !== "all" && !row.dataset.kinds.includes(chosen.dataset.filter);
}

// A strategy's file is read here and stored by the API, which checks it as any code.
document.addEventListener("change", async ({ target }) => {
  if (target.dataset.importStrategy === undefined || !target.files.length) return;
  document.documentElement.classList.add("leaving");
  const made = await send("/api/strategies/import", await target.files[0].text()).catch((error) => notice(error.message));
  document.documentElement.classList.remove("leaving");
  if (made) location.assign(`/strategies/${made.strategy_id}`);
  target.value = "";
});

// Of a ticket, only the prices that go with its type.
document.addEventListener("change", ({ target: { form } }) => {
  for (const part of form?.querySelectorAll("[data-for]") ?? []) part.hidden = !part.dataset.for.split(" ").includes(form.elements.type.value);
});

// What is known to be refused is not sent.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id === "preview") for (const button of target.closest("form").querySelectorAll("button:not([type])")) button.disabled = target.querySelector("[data-refused]") !== null;
});

// Of work whose end is seen on the page there is no notice.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id === "toasts") for (const link of target.querySelectorAll("a[href^='/jobs/']")) if (document.querySelector(`[data-job="${link.pathname.slice(6)}"]`)) link.closest(".toast").remove();
});

// A notice leaves by itself, as the style says.
document.addEventListener("animationend", ({ target, animationName }) => animationName === "leave" && target.remove());

// Keys: / to the page's search, or to a symbol where it has none, g and a letter to a page, ? for the list of them.
const PAGES = { h: "/", s: "/strategies", r: "/sessions", p: "/portfolio", o: "/orders", t: "/trades", n: "/notices", g: "/gallery", l: "/leaderboard", a: "/account" };
let pressedG = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select, [contenteditable]") || document.body.dataset.live === undefined) return;
  if (event.key === "/") {
    event.preventDefault();
    const field = document.querySelector("[data-hotkey='/']");
    field ? field.focus() : document.getElementById("find").showModal();
  } else if (event.key === "?") document.getElementById("keys").showModal();
  else if (event.key === "g" && Date.now() - pressedG > 1_200) pressedG = Date.now();
  else if (Date.now() - pressedG < 1_200 && PAGES[event.key]) location.assign(PAGES[event.key]);
});

// A slider says where it stands; cards that hold what is typed are shown.
document.addEventListener("input", ({ target }) => {
  if (target.type === "range") target.closest("label").querySelector("output").textContent = target.value;
  if (target.dataset.search === undefined) return;
  const words = target.value.toLowerCase().split(/\s+/), cards = [...document.querySelectorAll("[data-found]")];
  for (const card of cards) card.hidden = !words.every((word) => card.dataset.found.includes(word));
  document.querySelector("[data-none-found]").hidden = cards.some((card) => !card.hidden);
});

// The market's clock goes on by its own speed until its next opening or close, where the page asks how it stands. Its seconds are those of the exchange's wall.
const shownAt = new WeakMap();
function tick() {
  const clock = document.querySelector("[data-market-time]");
  if (!clock) return;
  if (!shownAt.has(clock)) shownAt.set(clock, performance.now());
  const until = Number(clock.dataset.until ?? Infinity);
  const now = Number(clock.dataset.marketTime) + ((performance.now() - shownAt.get(clock)) / 1000) * Number(clock.dataset.speed);
  clock.textContent = new Date(Math.min(now, until) * 1000).toUTCString().replace(/^(\w+), 0?(\d+ \w+ \d+) (\S+) GMT$/, "$1 $2, $3");
  if (now > until && !clock.dataset.asked) {
    clock.dataset.asked = "yes";
    setTimeout(() => htmx.trigger(clock.closest("#market"), "again"), 1500);
  }
}

// A chart is drawn when it comes into sight and there is nothing else to do.
const HOVERS = matchMedia("(hover: hover)").matches;
const charts = new WeakMap();
const drawn = (box) => import("./charts.js").then(({ draw }) => draw(box), () => {
  charts.delete(box);
  if (!box.firstElementChild) box.textContent = "The chart cannot be loaded right now; press here to try again.";
});
const chart = (box) => charts.get(box) ?? charts.set(box, drawn(box)).get(box);
const sight = new IntersectionObserver((seen) => {
  for (const { target } of seen.filter((each) => each.isIntersecting)) {
    sight.unobserve(target);
    (window.requestIdleCallback ?? setTimeout)(() => chart(target));
  }
}, { rootMargin: "200px" });
// What was pressed before that is pressed again when it is drawn.
document.addEventListener("click", ({ target }) => {
  const box = target.closest("[data-show-trade]") ? document.querySelector("[data-chart]") : target.closest(".card")?.querySelector("[data-chart]");
  if (box && !charts.has(box) && target.closest("button, [data-chart]")) chart(box).then(() => target.isConnected && target.click());
});

// What a script would add and could not be loaded is missing; what it would add to works without it.
const prepare = (root) => fitOut(root).catch(() => null);

async function fitOut(root) {
  if (root.querySelector("pre[data-code]")) (await import("./highlight.js")).paintAll(root);
  if (root.querySelector("[data-editor]")) (await import("./editor.js")).install(root);
  if (root.querySelector("table[data-table]")) (await import("./tables.js")).install(root);
  // Where there is a picture of it, a phone draws a chart when it is touched: one can move over the page without getting caught in it.
  for (const box of root.querySelectorAll("[data-chart]")) document.querySelector("tr:target") ? chart(box) : (HOVERS || !box.firstElementChild) && sight.observe(box);
}

document.addEventListener("htmx:load", (event) => event.detail.elt !== document.body && prepare(event.detail.elt));
prepare(document);

const entrance = document.querySelector("[data-renew]");
if (entrance && localStorage.getItem("renewed") && (await renew(true))) location.replace(entrance.dataset.renew);
if (document.body.dataset.live !== undefined) {
  renew();
  setInterval(renew, 60_000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && renew());
  watch();
  setInterval(tick, 1000);
}
