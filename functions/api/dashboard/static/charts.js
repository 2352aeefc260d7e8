// Charts: equity at home, a backtest's report and curves, a session's live bars.
import { AreaSeries, BaselineSeries, CandlestickSeries, LineSeries, createChart, createSeriesMarkers } from "./lightweight-charts-5.2.1.mjs";

const LINES = ["#e08a00", "#7c5cff", "#0091a8", "#c2417f", "#5b8c00", "#9a6b3f"];
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colors = () => ({ ink: style("--muted"), line: style("--line"), gain: style("--gain"), loss: style("--loss"), accent: style("--accent"), card: style("--card") });

function canvas(box, extra = {}) {
  const { ink, line } = colors();
  return createChart(box, {
    autoSize: true,
    layout: { background: { color: "transparent" }, textColor: ink, attributionLogo: false, panes: { separatorColor: line } },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: false },
    handleScale: { mouseWheel: false },
    ...extra,
  });
}

// The chart library writes UTC: times are moved by New York's offset, so that axes show the exchange's clock.
const EXCHANGE = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
const offsets = new Map();
function exchange(time) {
  const hour = Math.floor(time / 3600);
  if (!offsets.has(hour)) {
    const part = Object.fromEntries(EXCHANGE.formatToParts(hour * 3_600_000).map((each) => [each.type, Number(each.value)]));
    offsets.set(hour, Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000 - hour * 3600);
  }
  return time + offsets.get(hour);
}

const points = (times, values) => times.map((time, index) => (values[index] === null ? { time: exchange(time) } : { time: exchange(time), value: values[index] }));
const load = (address) => fetch(address, { headers: { Accept: "application/json" } }).then((reply) => (reply.ok ? reply.json() : Promise.reject(new Error(String(reply.status)))));

function equity(box) {
  const { accent } = colors();
  const chart = canvas(box);
  const series = chart.addSeries(AreaSeries, { lineColor: accent, topColor: `${accent}44`, bottomColor: `${accent}05`, lineWidth: 2, priceLineVisible: false });
  const show = async (days) => {
    const { items } = await load(`${box.dataset.source}&days=${days}`);
    series.setData(items.map((each) => ({ time: exchange(Math.floor(Date.parse(each.time) / 1000)), value: Number(each.equity) })));
    now();
    chart.timeScale().fitContent();
  };
  // What the page knows is later than what was noted.
  const now = () => {
    const known = document.querySelector("[data-equity]");
    if (known) series.update({ time: exchange(Math.floor(Date.now() / 1000)), value: Number(known.dataset.equity) });
  };
  document.body.addEventListener("htmx:afterSettle", now);
  const ranges = document.querySelector(`[data-ranges="${box.id}"]`);
  ranges.addEventListener("click", (event) => {
    if (!event.target.dataset.days) return;
    for (const each of ranges.children) each.setAttribute("aria-pressed", each === event.target);
    box.dataset.days = event.target.dataset.days;
    show(box.dataset.days);
  });
  setInterval(() => document.visibilityState === "visible" && show(box.dataset.days).catch(() => null), 30_000);
  return show(box.dataset.days);
}

// Candles, the indicators that live on the price over them, all others in panes below.
class PriceChart {
  constructor(box) {
    const { gain, loss } = colors();
    this.chart = canvas(box);
    this.candles = this.chart.addSeries(CandlestickSeries, { upColor: gain, downColor: loss, wickUpColor: gain, wickDownColor: loss, borderVisible: false });
    this.markers = createSeriesMarkers(this.candles, []);
    this.lines = new Map();
    this.levels = [];
  }

  draw(curve, marks) {
    this.candles.setData(curve.time.map((time, index) => ({ time: exchange(time), open: curve.open[index], high: curve.high[index], low: curve.low[index], close: curve.close[index] })));
    this.times = new Map(curve.time.map((time) => [exchange(time), time]));
    let pane = 1;
    curve.indicators.forEach((each, index) => {
      if (!this.lines.has(each.name)) {
        const options = { color: LINES[index % LINES.length], lineWidth: 1.5, title: each.name, priceLineVisible: false, lastValueVisible: !each.on_price };
        this.lines.set(each.name, this.chart.addSeries(LineSeries, options, each.on_price ? 0 : pane));
        if (!each.on_price) this.chart.panes()[pane]?.setHeight(90);
      }
      if (!each.on_price) pane += 1;
      this.lines.get(each.name).setData(points(curve.time, each.values));
    });
    this.markers.setMarkers(placed(curve.time, marks));
  }

  drawLevels(levels) {
    const { ink, loss, gain } = colors();
    this.levels.forEach((each) => this.candles.removePriceLine(each));
    this.levels = levels.map((each) => this.candles.createPriceLine({ price: each.price, title: each.name, color: { entry: ink, target: gain }[each.name] ?? loss, lineStyle: 2, lineWidth: 1, axisLabelVisible: true }));
  }
}

// Marks belong to the candle that holds their time.
function placed(times, marks) {
  const { gain, loss } = colors();
  const found = [];
  for (const mark of marks) {
    let low = 0;
    let high = times.length - 1;
    if (!times.length || mark.time < times[0]) continue;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= mark.time) low = middle;
      else high = middle - 1;
    }
    const buy = mark.side === "buy";
    found.push({ time: exchange(times[low]), position: buy ? "belowBar" : "aboveBar", color: buy ? gain : loss, shape: buy ? "arrowUp" : "arrowDown", text: mark.text ?? "", size: marks.length > 80 ? 0.5 : 1 });
  }
  return found.sort((a, b) => a.time - b.time);
}

async function report(box) {
  const { curve, trades } = await load(box.dataset.source);
  const price = new PriceChart(box);
  const marks = trades.slice(-300).flatMap((each) => [{ time: each.entry_time, side: "buy" }, { time: each.exit_time, side: "sell", text: trades.length > 40 ? "" : `${each.pnl >= 0 ? "+" : ""}${each.pnl.toFixed(0)}` }]);
  price.draw(curve, marks);
  price.chart.timeScale().fitContent();
}

async function curves(box) {
  const { curve } = await load(box.dataset.source);
  const { accent, ink, loss } = colors();
  const chart = canvas(box);
  const options = { priceLineVisible: false, lineWidth: 2 };
  chart.addSeries(LineSeries, { ...options, color: accent, title: "strategy" }).setData(points(curve.time, curve.equity));
  chart.addSeries(LineSeries, { ...options, color: ink, title: "buy and hold", lineWidth: 1 }).setData(points(curve.time, curve.buy_and_hold));
  const below = chart.addSeries(BaselineSeries, { ...options, lineWidth: 1, baseValue: { type: "price", price: 0 }, bottomLineColor: loss, bottomFillColor1: `${loss}11`, bottomFillColor2: `${loss}66`, topLineColor: loss, title: "drawdown", priceFormat: { type: "custom", formatter: (value) => `${value.toFixed(1)} %` } }, 1);
  below.setData(points(curve.time, curve.drawdown.map((value) => value * 100)));
  chart.panes()[1].setHeight(100);
  chart.timeScale().fitContent();
}

async function session(box) {
  const price = new PriceChart(box);
  let busy = false;
  const show = async () => {
    if (busy || document.visibilityState === "hidden") return;
    busy = true;
    try {
      const { curve, marks, levels } = await load(box.dataset.source);
      price.draw(curve, marks);
      price.drawLevels(levels);
    } finally {
      setTimeout(() => (busy = false), 1_500);
    }
  };
  document.body.addEventListener("live:price", (event) => event.detail.some((each) => each.symbol === box.dataset.symbol) && show().catch(() => null));
  document.body.addEventListener("live:change", () => show().catch(() => null));
  // The rules as they stood on the bar that is clicked.
  price.chart.subscribeClick(({ time }) => {
    const bar = price.times.get(time);
    if (bar !== undefined) htmx.ajax("GET", `${box.dataset.source.replace("chart.json", "rules")}?bar=${bar}`, "#bar-rules");
  });
  await show();
  price.chart.timeScale().scrollToRealTime();
}

// Several equity curves, each from 100.
async function overlay(box) {
  const { runs } = await load(box.dataset.source);
  const chart = canvas(box);
  runs.forEach((run, index) => {
    const series = chart.addSeries(LineSeries, { color: LINES[index % LINES.length], lineWidth: 2, title: String(index + 1), priceLineVisible: false });
    series.setData(points(run.time, run.values));
  });
  chart.timeScale().fitContent();
}

const KINDS = { equity, report, curves, session, overlay };

export function install(root) {
  for (const box of root.querySelectorAll("[data-chart]")) {
    KINDS[box.dataset.chart](box).catch(() => box.replaceChildren("The chart cannot be loaded right now; reload the page to try again."));
  }
}
