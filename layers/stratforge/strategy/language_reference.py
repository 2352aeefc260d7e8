"""The reference of the language, generated from the vocabulary: for the model's prompt and for people."""

from __future__ import annotations

from stratforge.market.resampling import DAY, TIMEFRAMES
from stratforge.strategy.cost import MAX_CELLS, MAX_GRAPH_NODES, MAX_NANOSECONDS, MAX_OPERATIONS
from stratforge.strategy.exits import EXITS
from stratforge.strategy.indicators import MAX_LENGTH, REGISTRY, Indicator, Parameter
from stratforge.strategy.indicators.stretches import STRETCH
from stratforge.strategy.lookback import MAX_DAYS, MAX_LOOKBACK, MAX_TOGETHER
from stratforge.strategy.order_terms import TERMS
from stratforge.strategy.source import (
    MAX_BRANCHES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_LITERAL,
    MAX_NAME,
    MAX_NODES,
    MAX_PARAMETERS,
    OWN_BARS,
)
from stratforge.strategy.vocabulary import (
    ACCOUNT_FIELDS,
    MAX_INDICATORS,
    MAX_LOOP,
    MAX_NESTED_LOOPS,
    MAX_OTHERS,
    MAX_STATE_KEYS,
    NUMPY_FUNCTIONS,
    POSITION_FIELDS,
    ROLLING_METHODS,
    SERIES_METHODS,
    TIME_FIELDS,
)

EXAMPLE = """\
FAST, SLOW = 12, 26


def indicators(bars):
    return {
        "fast": ta.ema(bars.close, length=FAST),
        "slow": ta.ema(bars.close, length=SLOW),
        "rsi": ta.rsi(bars.close, length=14),
    }


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < 70:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""


def signature(indicator: Indicator) -> str:
    """Returns the call of an indicator, with its defaults, and its outputs."""
    arguments = [*indicator.inputs, *(_default(each) for each in indicator.parameters)]
    outputs = f" -> .{', .'.join(indicator.outputs)}" if indicator.outputs else ""
    return f"ta.{indicator.name}({', '.join(arguments)}){outputs}"


def _default(parameter: Parameter) -> str:
    if isinstance(parameter.default, str):
        return f'{parameter.name}="{parameter.default}"'
    value = f"{parameter.default:g}" if not isinstance(parameter.default, bool) else str(parameter.default)
    return f"{parameter.name}={value}"


def prompt_section() -> str:
    """The language in the form the model gets."""
    indicators = "\n".join(
        f"  {signature(each)}: {each.summary}" for each in sorted(REGISTRY.values(), key=lambda i: i.name)
    )
    return f"""\
The language
- Module constants are numbers (LENGTH = 14, WEEK = 5 * 390); they are the tunable parameters. No imports are needed.
- Functions of your own (def above(x, n=3): ... return ...) assign names, use if, see their arguments and the constants alone,
  and do not call themselves; they may be given series in indicators, and bar, bar.previous, position or numbers in on_bar.
- indicators(bars) is straight-line code over series and ends with return {{"name": series, ...}}. bars has open, high, low,
  close, volume. Series take + - * / // % **, comparisons, & | ~ on comparisons (in parentheses), and the methods
  {", ".join(f".{name}()" for name in SERIES_METHODS)}; rolling(n) has {", ".join(ROLLING_METHODS)}; ewm(...) has mean.
  bars.resample("15min") ({", ".join(TIMEFRAMES)}) has the columns of a longer timeframe: of each minute those of its last completed bar;
  bars.resample("1d") has the exchange's days before today: ta.sma(bars.resample("1d").close, length=200) is the 200-day average beside conditions of minutes.
  bars.of("SPY") has the columns of another symbol ({MAX_OTHERS} at most), and bars.of("SPY").resample("1d") those of its days: of each bar what was over when it began.
  Nothing may look ahead: no negative shift, no whole-series minimum or mean, no indexing.
- on_bar(bar, position, state) sees numbers: bar.open/high/low/close/volume, bar.<indicator>, bar.previous.<field>,
  bar.time.{"/".join(TIME_FIELDS)} (exchange time, Monday is 0; 1 minute to close on the last bar), position.{"/".join(POSITION_FIELDS)}, and
  state["key"], a number that lasts between bars (0 before it is set; state.get("key", 1) for another beginning).
  Allowed: assignments, if/elif/else, for i in range(n) with a fixed n, arithmetic, comparisons, and/or/not, abs, min,
  max, round, int, float. Not allowed: while, functions in functions, lambda, comprehensions, lists, strings, imports, print.
  It returns buy(confidence=0..1, fraction= | quantity= | notional=), sell(confidence=, fraction= | quantity=), or nothing.
- np. has {", ".join(sorted(NUMPY_FUNCTIONS))}.
- ta. has these indicators (inputs, parameters with defaults, fields of those with several outputs):
{indicators}

Example
{EXAMPLE}"""


def reference_page() -> str:
    """The reference for people, in Markdown."""
    lines = [
        "# The strategy language",
        "",
        "Generated from the vocabulary tables by `stratforge reference --markdown`; a test compares.",
        "",
        "```python",
        EXAMPLE.rstrip(),
        "```",
        "",
        "A strategy is a module of constants (numbers: the tunable parameters), `indicators(bars)` and `on_bar(bar, position, state)`. What is",
        "not listed here is refused with line, column and what to write instead. Every operation is causal, total and bounded.",
        "[Portfolio strategies](rotation/ROTATION.md) have `rebalance(universe, portfolio, state)` instead of `on_bar`, and a universe of symbols.",
        "",
        "A number may be written as arithmetic of numbers, `5 * 60`, as a constant, as a length and as the bound of a loop. Functions of your own stand beside",
        "these two: `def above(x, n=3):` assigns names, uses `if` and ends with `return`. Such a function sees its arguments and the constants, may call others but",
        "not itself, and costs what it takes at every place where it is called.",
        "",
        "There is one unknown value. Comparisons with it are false, except `!=`, which is true; as a condition it counts as false, `x or 5` gives 5 for",
        'it, and `x is None` asks for it. A key of state that has no value reads as unknown with `state.get("key")` and as 0 with `state["key"]`.',
        "",
        f'`TIMEFRAME = "15min"` ({", ".join(OWN_BARS)}) says on which bars the strategy decides; without it they are those of a minute. It belongs to the version, so that',
        "its backtests, sweeps and sessions run on the same bars, made of those of a minute as `bars.resample` makes them. A session decides when such a bar is",
        "completed, or with the next bar of a minute where two are completed at once; every length, `position.bars_held` and `expire_bars=` count such bars, while stops and limits",
        "are looked at with every price. Its indicators may look back over 32,768 minutes of history. On `1d` a session decides before the first bar of a minute of the regular",
        "hours is a minute old, on the vendor's bars of the days before, of which there may be 2,048: what it says is traded near that day's open, as in the backtest.",
        "",
        "## In `indicators(bars)`",
        "",
        "Whole columns: `bars.open`, `bars.high`, `bars.low`, `bars.close`, `bars.volume`; `+ - * / // % **`, comparisons, and `& | ~` on",
        "comparisons (`^` too). Assignments of series to names (`x = ...`, `x += ...`, and `a, b, c = ta.macd(...)` where an indicator gives several),",
        'and `np.pi np.e np.nan np.inf`. Ends with `return {"name": series, ...}`.',
        "",
        f'`bars.resample("5min")` has the same columns of a longer timeframe ({", ".join(TIMEFRAMES)}), made of the bars of a minute. A series of it has on every',
        "minute the value of its last completed bar; series of one timeframe are computed on its bars, of different ones on the bars of a minute.",
        "Such a bar is completed on its last minute, or with the next bar where that has none. Bars of a stock are counted from the open, none",
        "reaches beyond the close, and those before and after are counted from there; of crypto they are counted from midnight UTC. A day is the exchange's",
        "calendar day. Lengths count bars of the timeframe, and the history that they need is counted in minutes.",
        "",
        f'`bars.resample("{DAY}")` has the exchange\'s own days, as strategies with `TIMEFRAME = "{DAY}"` do, adjusted for splits: of each bar those before its day, never',
        f'today\'s. Their history is counted by itself, in days, of which there may be {MAX_DAYS:,} whatever the bars look back on, so that `ta.sma(bars.resample("1d").close, 200)` is',
        "the 200-day average; it is unknown before there are so many days. Backtests and sweeps read the days before their period too. A session waits until it has them, a new",
        "one comes in every night, and a replay sees them as they were known. Where there are bars of a minute alone, as in a file, and in portfolio strategies on minutes, days are made of these.",
        "",
        f'`bars.of("SPY")` has the columns of another symbol that is written out, of {MAX_OTHERS} others at most: a bar sees what was over when it began. Of the other symbol that is the last',
        'bar that had ended then, so that nothing has to be waited for, and live and backtest see the same. On `TIMEFRAME = "1d"`, where a day is decided on when the next one opens, it is',
        'the other\'s same day. Its bars are as long as those that look at them: `bars.of("SPY").resample("1h")` has longer ones, and `bars.of("SPY").resample("1d")` its days before',
        'today, so that `bars.of("SPY").resample("1d").close > ta.sma(bars.of("SPY").resample("1d").close, 200)` is SPY above its 200-day average. Series of one symbol are computed on its bars,',
        "those of several on the bars of the strategy's own. What began more than seven days before a bar is unknown to it, as after a halt, or where a symbol ended. Stocks look at stocks and",
        f"crypto at crypto. The history of each symbol is counted in its own bars, before the earliest bar that looks at them, and there may be {MAX_TOGETHER:,} bars of all together. A session has",
        "the other symbol streamed, and waits until that history is there. Bars of it that come late are not waited for: what was seen is recorded, and a replay sees the same. Splits of the other",
        "symbol leave its bars on one scale. While its price has jumped for no reason that is known, the session waits for an operator, and sees what it missed afterwards.",
        "",
        "What is not finite (division by zero, the logarithm of 0, an overflow, `np.inf`) becomes unknown where the operation ends. A window with an",
        "unknown value inside is unknown. Exponential averages pass over an unknown value, and begin anew after as many unknown values in a row as",
        "their length; `ewm(...)` weighs as pandas' `ewm` does. Averages with endless weights leave out what weighs less than 2^-46 of the newest",
        "value (`ta.kama` looks back as far as the product of its two speeds asks for, `ta.mcgd` 24 lengths: their pace depends on the price). How far back a",
        "value looks is therefore fixed by the code and not by the market, and a trailing window gives the values of the whole history. Results are rounded",
        "to twelve digits or a little more, so the average of a price that stands still equals that price.",
        "",
        "| method | gives |",
        "|---|---|",
        *(f"| `.{name}({', '.join(each.names)})` | {each.summary} |" for name, each in SERIES_METHODS.items()),
        *(f"| `.rolling(n).{name}()` | {summary} of the last n bars |" for name, summary in ROLLING_METHODS.items()),
        "",
        "## In `on_bar(bar, position, state)`",
        "",
        "Numbers: `bar.close` and the other prices, `bar.<indicator>`, `bar.previous.<field>`,",
        'fields of `bar.time` in exchange time, and `state["key"]`, which lasts between bars.',
        "On the first bar, of a session as of a backtest, nothing is held and `state` is empty, while indicators and `bar.previous` know the bars before.",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `bar.time.{name}` | {meaning} |" for name, (_, meaning) in TIME_FIELDS.items()),
        *(f"| `position.{name}` | {meaning} |" for name, meaning in POSITION_FIELDS.items()),
        *(f"| `account.{name}` | {meaning} |" for name, (_, meaning) in ACCOUNT_FIELDS.items()),
        "",
        "The account is that of the session's owner, with all of his sessions and orders, in dollars, at the prices when the bar is evaluated; in a backtest it",
        "is that of the backtest, at the bar's close. What a session saw of it is recorded, and its replay sees the same.",
        "",
        "Assignments (`x = 1`, `x += 1`, `a, b = 1, 2`), `if elif else`, `a if condition else b`, `for i in range(n)` with a fixed n, `break continue pass`,",
        '`+ - * / // % **`, comparisons (`a < b < c` too), `and or not`, `"key" in state`, `abs min max round int float bool` and the functions of `np.`. Returns',
        "`buy(confidence=, fraction= | quantity= | notional=)`, `sell(confidence=, fraction= | quantity=)`, `adjust(...)`, or nothing;",
        "`short(confidence=, fraction= | quantity= | notional=)` and `cover(confidence=, fraction= | quantity=)`.",
        "",
        "`short` opens a short position or adds to it, in whole shares of a stock, and `cover` buys it back; both take the terms and exits of `buy` and `sell`, whose stops then lie above",
        "the price and targets below. `position.quantity` is negative while short. No decision turns a position round: `buy` and `sell` while short, `short` and `cover` while long are no decision, and",
        "`sell` never goes below zero. Margin, the fee of borrowing and margin calls are rules 12 to 19 of [MATCHING.md](../backtest/MATCHING.md). A session of a strategy with `short`",
        "is started where its account has short selling enabled.",
        "",
        "A purchase or a sale may name terms, in prices such as `bar.close - 2 * bar.atr` or `bar.close * 0.99`: it is then an order that rests, in a backtest and in our book live.",
        "With a term that is unknown or out of its range it is no decision. A strategy has one such order at a time: a later purchase or sale takes its place, and a",
        "sale while nothing is held ends it. Exits stand beside it: they are its bracket. So a part is sold at a nearer target by a sale that rests,",
        "`sell(fraction=0.5, limit=position.entry_price * 1.02)`, and the rest by the position's stop or target. How orders meet bars, gaps and both in one bar, is said in",
        "[MATCHING.md](../backtest/MATCHING.md).",
        "",
        "| term | what it is | number |",
        "|---|---|---|",
        *(f"| `{name}=` | {each.summary} | {each.allowed} |" for name, each in TERMS.items()),
        "",
        "`buy`, `sell` and `adjust` may set exits, which sell within a bar (or cover what is short, above and below exchanged), in a backtest and live alike. They stand until a later decision sets them anew or nothing is held.",
        "`adjust(...)` changes exits alone, while something is held. A number that is unknown or out of its range leaves an exit as it is;",
        "one that is written out or a constant is refused where it is out of its range. An exit as a",
        "price and one as a fraction replace each other. A `buy` while nothing is held begins without those of the position before; an exit that sells ends what was still to be bought.",
        "",
        "| exit | what it does | number |",
        "|---|---|---|",
        *(f"| `{name}=` | {each.summary} | {each.allowed} |" for name, each in EXITS.items()),
        "",
        "What is set on a bar counts from the next bar on, from the fill of a purchase on. A bar that opens beyond an exit sells at its open, and a bar that",
        "reaches a stop and a target later at the stop. Live the price is what the market gives when a trade or a finished bar has reached the exit.",
        "",
        "Numbers are Python's floats and compute as in Python (`min(1, x)` is 1 for an unknown x, `round(2.675, 2)` is 2.67, `np.inf // 1` is unknown);",
        "where Python raises (division by zero, the logarithm of 0, an overflow of `**` or `np.exp`) the result is unknown. That of `//` and `%` is so too,",
        "on series as well, where the quotient is beyond 2 ** 64. A key of state whose value is unknown or beyond 1e300 when the bar ends has no value on the next.",
        "",
        "## Limits",
        "",
        "A strategy has a cost: what one bar of one session takes at most, counted from its operations, never timed, so that it is the same everywhere.",
        "`stratforge check --cost FILE` shows it. What is over a limit is refused before anything runs, and the check itself takes less than a second.",
        "",
        "| what | at most |",
        "|---|---|",
        f"| source | {MAX_CHARACTERS:,} characters, {MAX_NODES:,} words and operators, {MAX_DEPTH} levels deep |",
        f"| constants; indicators returned; keys of `state` | {MAX_PARAMETERS}; {MAX_INDICATORS}; {MAX_STATE_KEYS} |",
        f"| a name | {MAX_NAME} letters, digits and `_` |",
        f"| a number that is written out | {MAX_LITERAL:g} |",
        f"| branches of one `if` | {MAX_BRANCHES} |",
        f"| turns of one loop; loops inside of each other | {MAX_LOOP:,}; {MAX_NESTED_LOOPS} |",
        f"| operations of `on_bar` a bar, in all, on its dearest path | {MAX_OPERATIONS:,} |",
        f"| operations on series in `indicators` | {MAX_GRAPH_NODES:,} |",
        f"| a length, a window, a shift | {MAX_LENGTH:,} bars |",
        f'| history that the indicators need together | {MAX_LOOKBACK:,} bars, and {MAX_DAYS:,} days of `bars.resample("{DAY}")` |',
        f"| other symbols; bars of all symbols together, each in a window of its history | {MAX_OTHERS}; {MAX_TOGETHER:,} |",
        f"| values of all series over the window of history | {MAX_CELLS:,} |",
        f"| nominal processor time a bar | {MAX_NANOSECONDS / 1e6:g} ms |",
        "",
        "Live, the sessions of a bar run together: of each account the cheap ones first, and next is whoever will have had least. A session that fails together with others is tried once more alone before it",
        "counts. After three failed bars in a row it is stopped, and its owner sees why.",
        "",
        "## `np.`",
        "",
        "| function | gives |",
        "|---|---|",
        *(f"| `np.{name}` | {each.summary} |" for name, each in sorted(NUMPY_FUNCTIONS.items())),
        "",
        f"## `ta.`: {len(REGISTRY)} indicators",
        "",
        "By pandas-ta's names, parameters and defaults (`ta.alma` weighs as its authors define, the newest values most; pandas-ta has it reversed). Fields follow the arrow where an indicator gives several series.",
        "What begins anew every day begins with the first bar of the exchange's day; the change into that bar (`ta.obv`, `ta.pvt`), the averages of `ta.hilo` and the average true range of `ta.supertrend` still reach back over night.",
        f"On bars of days it runs through days, except `ta.vwap`: on each from the beginning of the {STRETCH} days of the calendar before the running {STRETCH}, which are counted from 1970.",
    ]
    for category in sorted({each.category for each in REGISTRY.values()}):
        lines += ["", f"### {category.capitalize()}", "", "| call | what |", "|---|---|"]
        rows = sorted((each for each in REGISTRY.values() if each.category == category), key=lambda each: each.name)
        for each in rows:
            day = "; begins anew every day" if each.anchored else ""
            lines.append(f"| `{signature(each)}` | {each.summary}{day} |")
    return "\n".join(lines) + "\n"
