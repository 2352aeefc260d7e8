// Charts: equity at home, a backtest's report and curves, a session's live bars.
import { AreaSeries, BaselineSeries, CandlestickSeries, HistogramSeries, LineSeries, PriceScaleMode, TickMarkType, createChart, createSeriesMarkers } from "./lightweight-charts-5.2.1.mjs";
import { read } from "./requests.js";

const LINES = ["#e08a00", "#7c5cff", "#0091a8", "#c2417f", "#5b8c00", "#9a6b3f"];
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colors = () => ({ ink: style("--muted"), line: style("--line"), gain: style("--gain"), loss: style("--loss"), accent: style("--accent"), card: style("--card") });

// In the place of the picture that the page came with.
function canvas(box) {
  const { ink, line } = colors();
  box.replaceChildren();
  box.classList.toggle("night", matchMedia("screen and (prefers-color-scheme: dark)").matches);
  box.parentElement.querySelector(".explore")?.remove();
  return createChart(box, {
    autoSize: true,
    layout: { background: { color: "transparent" }, textColor: ink, attributionLogo: false, panes: { separatorColor: line } },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, tickMarkFormatter: (time, kind) => (kind === TickMarkType.DayOfMonth ? day(time) : null) },
  });
}

// A day says its month on the axis: none is there twice.
const day = (time) => new Date(time * 1000).toUTCString().replace(/^.{5}0?(\d+ \w+).*/, "$1");

// The chart library writes UTC: times are moved by New York's offset, so that axes show the exchange's clock.
const EXCHANGE = new Intl.DateTimeFormat("sv-SE", { timeZone: "America/New_York", dateStyle: "short", timeStyle: "medium" });
const offsets = new Map();
function exchange(time) {
  const hour = Math.floor(time / 3600);
  if (!offsets.has(hour)) offsets.set(hour, Date.parse(`${EXCHANGE.format(hour * 3_600_000).replace(" ", "T")}Z`) / 1000 - hour * 3600);
  return time + offsets.get(hour);
}

// Two points of a minute would be two labels that say the same.
const minute = (time) => Math.floor(time / 60) * 60;
const FIGURES = { type: "custom", minMove: 0.0001, formatter: (value) => figure(value) };
// What stands still has other numbers above and below it.
const CENTS = { ...FIGURES, minMove: 0.01 };
const points = (times, values) => times.map((time, index) => (values[index] === null ? { time: exchange(time) } : { time: exchange(time), value: values[index] }));

// What stands above a chart: ranges of time, a logarithmic scale, the whole screen, and what lies under the crosshair.
const RANGES = [["1H", 1 / 24], ["1D", 1], ["5D", 5], ["1M", 30], ["3M", 91], ["1Y", 365], ["All", Infinity]];
class Tools {
  constructor(box, chart) {
    Object.assign(this, { box, chart });
    // Their place is kept by the page, so that nothing moves when they are filled.
    [this.row, this.legend] = ["tools", "legend"].map((name) => box.parentElement.querySelector(`:scope > .${name}`));
    this.views();
  }

  button(group, text, press, label) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, ariaLabel: label ?? null, onclick: () => press(button) });
    return group.appendChild(button);
  }

  group(label) {
    return this.row.appendChild(Object.assign(document.createElement("div"), { className: "switch", role: "group", ariaLabel: label }));
  }

  // Of the ranges those that are shorter than all that there is.
  ranges(times) {
    this.times = times;
    const span = (times.at(-1) - times[0]) / 86_400;
    const known = RANGES.filter(([, days]) => days === Infinity || days < span * 0.9).slice(-5);
    if (this.offered === known.length) return;
    this.offered = known.length;
    this.choice?.remove();
    this.choice = this.group("Range of time");
    this.row.prepend(this.choice);
    for (const [name, days] of known) {
      this.button(this.choice, name, (pressed) => {
        for (const each of this.choice.children) each.setAttribute("aria-pressed", each === pressed);
        this.range(days);
      }).setAttribute("aria-pressed", days === Infinity);
    }
  }

  range(days) {
    if (days === Infinity) return this.chart.timeScale().fitContent();
    const last = this.times.at(-1), from = this.times.find((time) => time >= last - days * 86_400);
    this.chart.timeScale().setVisibleRange({ from: exchange(from), to: exchange(last) });
  }

  views() {
    const group = this.group("View");
    const log = this.button(group, "Log", () => {
      const on = log.getAttribute("aria-pressed") !== "true";
      log.setAttribute("aria-pressed", on);
      this.chart.priceScale("right").applyOptions({ mode: on ? PriceScaleMode.Logarithmic : PriceScaleMode.Normal });
    }, "Logarithmic scale");
    log.setAttribute("aria-pressed", "false");
    const card = this.box.closest(".card");
    if (card.requestFullscreen) {
      const full = this.button(group, "Full screen", () => (document.fullscreenElement ? document.exitFullscreen() : card.requestFullscreen()));
      card.addEventListener("fullscreenchange", () => (full.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen"));
    }
  }

  // `values` says what stands under a time, or at the end for none: pairs of a name and a text, some with a color.
  follow(values) {
    this.values = values;
    this.chart.subscribeCrosshairMove((under) => this.say(under.time === undefined ? null : under));
    this.say(null);
  }

  say(under) {
    fill(this.legend, this.values(under));
  }
}

function fill(legend, entries) {
  legend.replaceChildren(
    ...entries.map(([name, text, color]) => {
      const item = document.createElement("span");
      const value = Object.assign(document.createElement("b"), { textContent: text });
      if (color === "gain" || color === "loss") value.className = color;
      else if (color) item.append(key(color));
      item.append(`${name} `, value);
      return item;
    }),
  );
}

// Colors of lines are too light for small text: they are shown beside it.
const key = (color) => Object.assign(document.createElement("i"), { className: "key", style: `background: ${color}` });

const when = (time) => new Date(time * 1000).toUTCString().replace(/^.{5}0?(\d+ \w+ \d+) (\d+:\d+).*/, "$1, $2");
const figure = (value) => (value === undefined || value === null ? "–" : Math.abs(value) >= 1 || value === 0 ? value.toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ",") : String(Number(value.toPrecision(4))));
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const whole = (value) => (value === undefined ? "–" : COMPACT.format(value));

const change = (values) => `${values.at(-1) < values[0] ? "−" : "+"}${Math.abs((values.at(-1) / values[0] - 1) * 100).toFixed(2)} %`;

function equity(box) {
  const { accent, ink } = colors();
  const legend = box.parentElement.querySelector(".legend");
  let last = 0, chart, series, beside;
  const show = async (days) => {
    const { items, benchmark = [] } = await read(`${box.dataset.source}&days=${days}`);
    chart ??= canvas(box);
    beside ??= chart.addSeries(LineSeries, { color: ink, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, priceFormat: CENTS });
    beside.setData([...new Map(benchmark.map((each) => [minute(each.time), each.value]))].map(([time, value]) => ({ time: exchange(time), value })));
    series ??= chart.addSeries(AreaSeries, { lineColor: accent, topColor: `${accent}44`, bottomColor: `${accent}05`, lineWidth: 2, priceLineVisible: false, priceFormat: CENTS });
    const minutes = new Map(items.map((each) => [minute(each.time), each.equity]));
    series.setData([...minutes].map(([time, value]) => ({ time: exchange(time), value })));
    last = [...minutes.keys()].at(-1) ?? 0;
    const shown = [["Equity", [...minutes.values()], accent], ["Symbols of your sessions, held in equal parts", benchmark.map((each) => each.value), ink]];
    fill(legend, shown.filter(([, values]) => values.length > 1).map(([name, values, color]) => [name, change(values), color]));
    now();
    chart.timeScale().fitContent();
  };
  // What the page knows is later than what was noted.
  const now = () => {
    const known = document.querySelector("[data-equity]");
    const time = known ? minute(Number(known.dataset.time)) : 0;
    if (time >= last && time) series?.update({ time: exchange((last = time)), value: Number(known.dataset.equity) });
  };
  document.body.addEventListener("htmx:afterSettle", now);
  // The table under it goes as far back: both ask for the same days.
  const table = box.parentElement.querySelector(".figured"), range = table.querySelector("[name=days]");
  const ranges = document.querySelector(`[data-ranges="${box.id}"]`);
  ranges.addEventListener("click", (event) => {
    if (!event.target.dataset.days) return;
    for (const each of ranges.children) each.setAttribute("aria-pressed", each === event.target);
    range.value = event.target.dataset.days;
    if (table.open) range.dispatchEvent(new Event("change", { bubbles: true }));
    show(range.value).catch(() => document.dispatchEvent(new CustomEvent("busy")));
  });
  setInterval(() => document.visibilityState === "visible" && show(range.value).catch(() => null), 30_000);
  return show(range.value);
}

// Candles with volume, the indicators that live on the price over them, all others in panes below, and what was traded.
class PriceChart {
  constructor(box) {
    const { gain, loss, ink } = colors();
    Object.assign(this, { box, chart: canvas(box), lines: new Map(), levels: [], marks: [] });
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, color: `${ink}55`, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.candles = this.chart.addSeries(CandlestickSeries, { upColor: gain, downColor: loss, wickUpColor: gain, wickDownColor: loss, borderVisible: false, priceFormat: FIGURES });
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.12, bottom: 0.18 } });
    this.markers = createSeriesMarkers(this.candles, []);
    this.tools = new Tools(box, this.chart);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => (this.thinning ??= requestAnimationFrame(() => this.thin())));
    document.addEventListener("click", ({ target }) => this.show(target.closest?.("[data-show-trade]")?.closest("tr")));
    this.chart.subscribeClick(({ time }) => time !== undefined && this.pick(this.times.get(time)));
  }

  draw(curve, marks) {
    this.curve = curve;
    this.at = curve.time.map(exchange);
    this.times = new Map(curve.time.map((time, index) => [this.at[index], time]));
    this.places = new Map(this.at.map((time, index) => [time, index]));
    this.candles.setData(this.at.map((time, index) => ({ time, open: curve.open[index], high: curve.high[index], low: curve.low[index], close: curve.close[index] })));
    if (curve.volume) this.volume.setData(this.at.map((time, index) => ({ time, value: curve.volume[index] })));
    curve.indicators.forEach((each, index) => {
      if (!this.lines.has(each.name)) {
        const options = { color: LINES[index % LINES.length], lineWidth: 1.5, priceLineVisible: false, lastValueVisible: !each.on_price, priceFormat: FIGURES };
        this.lines.set(each.name, this.chart.addSeries(LineSeries, options, each.pane));
      }
      this.lines.get(each.name).setData(points(curve.time, each.values));
    });
    if (curve.profit) this.drawProfit(curve);
    this.shape();
    this.marks = placed(this.at, curve.time, marks);
    this.thin();
    this.tools.ranges(curve.time);
    if (this.tools.values) this.tools.say(null);
    else this.tools.follow((under) => this.legend(under));
  }

  drawProfit(curve) {
    const { gain, loss } = colors();
    const options = { baseValue: { type: "price", price: 0 }, topLineColor: gain, topFillColor1: `${gain}55`, topFillColor2: `${gain}11`, bottomLineColor: loss, bottomFillColor1: `${loss}11`, bottomFillColor2: `${loss}55`, lineWidth: 1.5, priceLineVisible: false, priceFormat: CENTS };
    this.profit ??= this.chart.addSeries(BaselineSeries, options, 1 + Math.max(0, ...curve.indicators.map((each) => each.pane)));
    this.profit.setData(points(curve.time, curve.profit));
  }

  // The price keeps at least half of the height.
  shape() {
    const all = this.chart.panes();
    if (this.shaped === all.length) return;
    this.shaped = all.length;
    all.forEach((pane, index) => pane.setStretchFactor(index ? Math.min(0.28, 1 / (all.length - 1)) : 1));
  }

  legend(under) {
    const index = under ? this.places.get(under.time) : this.at.length - 1;
    if (index === undefined || index < 0) return [];
    const curve = this.curve;
    const tone = curve.close[index] >= curve.open[index] ? "gain" : "loss";
    return [
      [when(this.at[index]), ""],
      ...["open", "high", "low", "close"].map((name) => [name[0].toUpperCase(), figure(curve[name][index]), tone]),
      ...(curve.volume ? [["Vol", whole(curve.volume[index])]] : []),
      ...curve.indicators.map((each, number) => [each.name, figure(each.values[index]), LINES[number % LINES.length]]),
      ...(curve.profit ? [["P&L", figure(curve.profit[index]), curve.profit[index] < 0 ? "loss" : "gain"]] : []),
      ...(this.hidden ? [["", `${this.hidden} smaller trades are not marked: zoom in`]] : []),
    ];
  }

  // As many marks as there is room for: of those in sight the trades that made or lost most.
  thin() {
    this.thinning = null;
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const seen = this.marks.filter((each) => each.index >= range.from - 1 && each.index <= range.to + 1);
    const room = Math.max(10, Math.floor(this.box.clientWidth / 14));
    const most = seen.length <= room ? seen : [...seen].sort((a, b) => b.weight - a.weight).slice(0, room).sort((a, b) => a.index - b.index);
    const hidden = seen.length - most.length;
    const texts = most.length <= room / 4;
    const key = `${most.length}|${most[0]?.time}|${most.at(-1)?.time}|${texts}|${this.marks.length}`;
    if (key === this.key) return;
    this.key = key;
    this.markers.setMarkers(most.map((each) => ({ ...each, text: texts ? each.text : "" })));
    if (hidden !== this.hidden) {
      this.hidden = hidden;
      if (this.tools.values) this.tools.say(null);
    }
  }

  drawLevels(levels) {
    const { ink, loss, gain } = colors();
    this.levels.forEach((each) => this.candles.removePriceLine(each));
    this.levels = levels.map((each) => this.candles.createPriceLine({ price: each.price, title: each.name, color: { entry: ink, target: gain }[each.name] ?? loss, lineStyle: 2, lineWidth: 1, axisLabelVisible: true }));
  }

  // A trade from the list, with something around it.
  show(row) {
    if (!row) return;
    if (Number(row.dataset.from) < this.curve.time[0] && row.dataset.day) return location.assign(`?day=${row.dataset.day}#${row.id}`);
    for (const each of document.querySelectorAll("tr[data-from]")) each.classList.toggle("current", each === row);
    const [first, last] = [row.dataset.from, row.dataset.to].map((time) => candle(this.curve.time, Number(time)));
    const margin = Math.max(15, last - first);
    this.chart.timeScale().setVisibleLogicalRange({ from: first - margin, to: last + margin });
    this.box.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  // The trades of a candle, in the list: where there are many bars it holds the end of one and the beginning of the next.
  pick(time) {
    const met = this.marks.filter((each) => each.index === this.places.get(exchange(time)));
    if (!met.length) return;
    for (const row of document.querySelectorAll("tr[data-from]")) row.classList.toggle("current", met.some(({ real }) => Number(row.dataset.from) <= real && real < Number(row.dataset.to) + 1));
    // Twice: what lies on the way is laid out when it comes near, and may be longer than it was taken for.
    const show = () => document.querySelector("tr.current[data-from]")?.scrollIntoView({ block: "center" });
    show();
    requestAnimationFrame(() => requestAnimationFrame(show));
  }
}

// The last candle that began at a time or before.
const candle = (times, time) => Math.max(0, times.findLastIndex((each) => each <= time));

// Marks belong to the candle that holds their time.
function placed(at, times, marks) {
  const { gain, loss } = colors();
  return marks
    .filter((mark) => times.length && mark.time >= times[0])
    .map((mark) => {
      const index = candle(times, mark.time);
      const buy = mark.side === "buy" || mark.side === "cover";
      return { index, real: mark.time, time: at[index], position: buy ? "belowBar" : "aboveBar", color: buy ? gain : loss, shape: buy ? "arrowUp" : "arrowDown", text: mark.text ?? "", weight: mark.weight ?? 0 };
    })
    .sort((a, b) => a.index - b.index);
}

const signed = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(0)}`;

async function report(box) {
  const { curve, trades } = await read(box.dataset.source);
  const price = new PriceChart(box);
  // A short trade begins with a sale; reports of before do not say of which side theirs are.
  const marks = trades.flatMap((each) => [
    { time: each.entry_time, side: each.side === "short" ? "short" : "buy", weight: Math.abs(each.pnl) },
    { time: each.exit_time, side: each.side === "short" ? "cover" : "sell", text: signed(each.pnl), weight: Math.abs(each.pnl) },
  ]);
  price.draw(curve, marks);
  price.chart.timeScale().fitContent();
}

// Lines over time, each with its name, color and how its values are written; those of another pane below.
function lines(box, shown) {
  const chart = canvas(box);
  const series = shown.map(({ time, values, color, pane, ...options }) => {
    const kind = pane ? BaselineSeries : LineSeries;
    const found = chart.addSeries(kind, { color, lineWidth: 2, priceLineVisible: false, priceFormat: FIGURES, ...options }, pane);
    found.setData(points(time, values));
    return found;
  });
  if (chart.panes()[1]) chart.panes()[1].setHeight(100);
  chart.timeScale().fitContent();
  const longest = shown.reduce((known, { time }) => (time.length > known.length ? time : known), []);
  if (!longest.length) return;
  const tools = new Tools(box, chart);
  tools.ranges(longest);
  tools.follow((under) => [
    [when(under?.time ?? exchange(longest.at(-1))), ""],
    ...shown.map(({ name, values, color, written = figure }, index) => [name, written(under ? under.seriesData.get(series[index])?.value : values.at(-1)), color]),
  ]);
}

async function curves(box) {
  const { curve: { time, equity, buy_and_hold, drawdown } } = await read(box.dataset.source);
  const { accent, ink, loss } = colors();
  const percent = (value) => (value === undefined ? "–" : `${value.toFixed(2)} %`);
  const below = { baseValue: { type: "price", price: 0 }, bottomLineColor: loss, bottomFillColor1: `${loss}11`, bottomFillColor2: `${loss}66`, topLineColor: loss, lineWidth: 1, priceFormat: { type: "custom", formatter: percent } };
  lines(box, [
    { name: "Strategy", time, values: equity, color: accent },
    { name: "Buy and hold", time, values: buy_and_hold, color: ink, lineWidth: 1 },
    { name: "Drawdown", time, values: drawdown.map((value) => value * 100), color: loss, pane: 1, written: percent, ...below },
  ]);
}

// Several equity curves.
async function overlay(box) {
  const { runs } = await read(box.dataset.source);
  lines(box, runs.map((run, index) => ({ name: String(index + 1), ...run, color: LINES[index % LINES.length] })));
}

// A device that draws slowly draws less often: there is time for what a person does.
async function session(box) {
  let busy = false, began = 0, price;
  const show = async () => {
    if (busy || document.visibilityState === "hidden") return;
    [busy, began] = [true, performance.now()];
    try {
      const { curve, marks, levels } = await read(box.dataset.source);
      const fresh = !price && (price = new PriceChart(box));
      price.draw(curve, marks.map((each) => ({ ...each, weight: each.time, text: `${each.side} ${Number(each.quantity.toPrecision(4))}` })));
      price.drawLevels(levels);
      if (!fresh) return;
      price.chart.timeScale().fitContent();
      price.show(document.querySelector("tr:target"));
      // The rules as they stood on the bar that is clicked.
      if (box.dataset.chart === "session") price.chart.subscribeClick(({ time }) => {
        if (price.times.has(time)) htmx.ajax("GET", `${box.dataset.source.replace(/chart.json.*/, "rules")}?bar=${price.times.get(time)}`, "#bar-rules").catch(() => null);
      });
    } finally {
      requestAnimationFrame(() => setTimeout(() => (busy = false), Math.max(1_500, 10 * (performance.now() - began))));
    }
  };
  document.body.addEventListener("live:price", (event) => event.detail.some((each) => each.symbol === box.dataset.symbol) && show().catch(() => null));
  document.body.addEventListener("live:change", () => show().catch(() => null));
  await show();
}

const KINDS = { equity, report, curves, session, market: session, overlay };

export const draw = (box) => KINDS[box.dataset.chart](box).catch(() => box.replaceChildren("The chart cannot be loaded right now; reload the page to try again."));
