// The overview: logs in, then reads the portfolio, sessions and trades every two seconds.
const element = (id) => document.getElementById(id);
const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const quantity = new Intl.NumberFormat("en-US", { maximumFractionDigits: 4 });
let tokens = null;
let timer = null;

async function call(path, method = "GET", body = undefined) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  if (tokens) headers.Authorization = `Bearer ${tokens.access_token}`;
  const reply = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = reply.status === 204 ? null : await reply.json();
  if (!reply.ok) throw Object.assign(new Error(answer.detail), { status: reply.status });
  return answer;
}

function tell(problem) {
  element("problem").textContent = problem ?? "";
  element("problem").hidden = !problem;
}

function show(loggedIn) {
  element("login").hidden = loggedIn;
  element("overview").hidden = !loggedIn;
  element("logout").hidden = !loggedIn;
}

function fill(id, heads, rows, empty) {
  const table = element(id);
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const text of heads) head.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col" }));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const cell of row) Object.assign(line.insertCell(), typeof cell === "object" ? cell : { textContent: cell });
  }
  if (!rows.length) Object.assign(body.insertRow().insertCell(), { textContent: empty, colSpan: heads.length, className: "muted" });
}

const signed = (value) => ({ textContent: money.format(value), className: value > 0 ? "gain" : value < 0 ? "loss" : "" });
const at = (text) => new Date(text).toISOString().slice(0, 16).replace("T", " ");

function draw(portfolio, sessions, trades) {
  const change = portfolio.equity - portfolio.initial_balance;
  const figures = [
    ["Equity", money.format(portfolio.equity), ""],
    ["Since the beginning", money.format(change), change > 0 ? "gain" : change < 0 ? "loss" : ""],
    ["Free cash", money.format(portfolio.cash), ""],
    ["In orders", money.format(portfolio.reserved_cash), ""],
  ];
  element("figures").replaceChildren(...figures.map(([name, value, className]) => {
    const box = document.createElement("div");
    box.append(Object.assign(document.createElement("span"), { textContent: name }));
    box.append(Object.assign(document.createElement("b"), { textContent: value, className }));
    return box;
  }));
  fill("sessions", ["Symbol", "State", "Bars", "Last bar (UTC)"],
    sessions.items.slice(0, 10).map((each) => [each.symbol, each.status.toLowerCase(), each.bars_evaluated, each.last_bar_time ? at(each.last_bar_time) : "waiting"]),
    "No sessions yet: describe a strategy with POST /api/ai/generate and start it with POST /api/sessions.");
  fill("positions", ["Symbol", "Quantity", "Entry", "Price", "Value", "Profit"],
    portfolio.positions.map((each) => [each.symbol, quantity.format(each.quantity), money.format(each.avg_entry_price), money.format(each.latest_price), money.format(each.market_value), signed(each.unrealized_pnl)]),
    "Nothing is held right now.");
  fill("trades", ["Time (UTC)", "Side", "Symbol", "Quantity", "Price", "Realized"],
    trades.items.map((each) => [at(each.executed_at), each.side, each.symbol, quantity.format(each.quantity), money.format(each.price), each.side === "sell" ? signed(each.realized_pnl) : ""]),
    "No trades yet.");
}

async function update() {
  try {
    draw(...await Promise.all([call("/api/portfolio"), call("/api/sessions?limit=50"), call("/api/trades?limit=12")]));
    show(true);
    tell();
  } catch (error) {
    if (error.status === 401) return show(false);
    tell(error.message || "The platform does not answer; trying again.");
  }
  timer = setTimeout(update, 2000);
}

async function renew() {
  if (tokens) tokens = await call("/api/auth/refresh", "POST", { refresh_token: tokens.refresh_token }).catch(() => null);
}

element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    tokens = await call(`/api/auth/${event.submitter?.value ?? "login"}`, "POST", Object.fromEntries(form));
    tell();
    clearTimeout(timer);
    update();
  } catch (error) {
    tell(error.message);
  }
});

element("logout").addEventListener("click", async () => {
  clearTimeout(timer);
  if (tokens) await call("/api/auth/logout", "POST", { refresh_token: tokens.refresh_token }).catch(() => null);
  tokens = null;
  show(false);
});

element("simulated").hidden = document.documentElement.dataset.simulated !== "true";
setInterval(renew, 600_000);
update();
