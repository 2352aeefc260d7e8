// The realtime connection: opened with a ticket, goes on where it left off, and tells the page by events: live:change, live:job, live:price.
import { send } from "./requests.js";

const SLOWEST = 15_000;
// From where the page was made: what happened since, until the connection stands, is told as well.
let cursor = document.getElementById("seen")?.value;
let attempt = 0, socket = null;

function state(name) {
  const shown = document.getElementById("link");
  if (!shown) return;
  shown.dataset.state = name;
  shown.querySelector(".word").textContent = { live: "live", lost: "no connection", connecting: "connecting" }[name];
  document.getElementById("offline").hidden = name !== "lost";
}

const tell = (name, detail) => document.body.dispatchEvent(new CustomEvent(name, { detail }));
// The first change is told at once, and what follows within a second at its end: the last one is never left out.
const PAUSE = 1_000;
let pause = null, more = false;
function changed() {
  if ((more = pause !== null)) return;
  tell("live:change");
  pause = setTimeout(() => ((pause = null), more && changed()), PAUSE);
}
const symbols = () => [...new Set([...document.querySelectorAll("[data-price],[data-symbol]")].map((each) => each.dataset.price ?? each.dataset.symbol))].slice(0, 50);

const askForPrices = () => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ action: "watch", symbols: symbols() }));

// As pages write prices: cents, more decimals below a dollar, and four digits where six decimals would say nothing.
const FEW = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
export function written(price) {
  if (price >= 1 || price === 0) return price.toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ",");
  return price >= 0.001 ? price.toFixed(6).replace(/0+$/, "").replace(/\.$/, ".00") : FEW.format(price);
}

// What a gateway says for itself, in its own form or in none: what was sent to it arrived nowhere, and is sent again a little later.
let unheard = 0;
function heard(data) {
  try {
    const message = JSON.parse(data);
    if (message.type) return message;
  } catch {
    // In no form at all.
  }
  setTimeout(askForPrices, Math.min(SLOWEST, 1_000 * 2 ** unheard++));
  return null;
}

function hear(message) {
  unheard = 0;
  if (message.type !== "update") return;
  cursor = message.cursor ?? cursor;
  const kinds = new Set((message.events ?? []).map((each) => each.kind));
  if (kinds.has("job")) tell("live:job");
  // Of a job its end is told to whoever has left its page.
  if (message.events?.some(({ kind, data }) => kind !== "job" || ["SUCCEEDED", "FAILED"].includes(data.status))) changed();
  const prices = message.prices ?? [];
  for (const { symbol, price } of prices) {
    for (const cell of document.querySelectorAll(`[data-price="${CSS.escape(symbol)}"]`)) cell.textContent = written(Number(price));
  }
  if (prices.length) tell("live:price", prices);
}

async function open() {
  try {
    const { ticket, url } = await send("/api/realtime/ticket", {});
    const address = new URL(url, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("ticket", ticket);
    if (cursor) address.searchParams.set("cursor", cursor);
    socket = new WebSocket(address);
    socket.onopen = () => {
      state("live");
      if (attempt) changed();
      attempt = 0;
      askForPrices();
    };
    socket.onmessage = ({ data }) => {
      const message = heard(data);
      if (message) hear(message);
    };
    socket.onclose = again;
  } catch {
    again();
  }
}

function again() {
  socket = null;
  attempt += 1;
  if (attempt > 1) state("lost");
  setTimeout(open, Math.min(SLOWEST, 500 * 2 ** attempt) * (0.5 + Math.random() / 2));
}

// Without a network the closing of a socket is answered by nobody: say so at once, and do not wait for it.
function cutOff() {
  state("lost");
  if (!socket) return;
  socket.onclose = null;
  socket.close();
  again();
}

export function watch() {
  document.addEventListener("htmx:afterSettle", askForPrices);
  setInterval(() => socket?.readyState === WebSocket.OPEN && socket.send('{"action":"ping"}'), 240_000);
  addEventListener("offline", cutOff);
  open();
}
