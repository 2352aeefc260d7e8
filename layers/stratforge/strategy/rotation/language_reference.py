"""The reference of portfolio strategies, generated from the tables that the compiler reads."""

from __future__ import annotations

from stratforge.strategy.rotation.expressions import COLUMN_METHODS, FIGURE_METHODS, PORTFOLIO_FIELDS, WEIGHTS
from stratforge.strategy.rotation.module import MAX_SYMBOLS
from stratforge.strategy.rotation.schedule import MAX_MINUTES, PERIODS
from stratforge.strategy.rotation.strategy import MAX_DECISION_NANOSECONDS

EXAMPLE = """\
UNIVERSE = ["QQQ", "EFA", "EEM", "IWM", "VNQ", "GLD", "DBC", "TLT", "IEF", "LQD"]
SCHEDULE = "monthly"
TOP, MONTHS = 3, 6


def indicators(bars):
    return {
        "momentum": bars.close.pct_change(MONTHS * 21),
        "trend": ta.sma(bars.close, length=200),
        "volatility": bars.close.pct_change().rolling(63).std(),
    }


def rebalance(universe, portfolio, state):
    market = universe.of("SPY")
    if not market.close > market.trend:
        return cash()
    best = universe.momentum.top(TOP, where=universe.momentum > 0)
    return weights.inverse_volatility(universe.volatility, where=best)
"""


def rotation_page() -> str:
    """The reference for people, in Markdown."""
    periods = ", ".join(f'"{each}"' for each in PERIODS)
    lines = [
        "# Portfolio strategies",
        "",
        "Generated from the vocabulary tables by `stratforge reference --portfolio`; a test compares.",
        "",
        "```python",
        EXAMPLE.rstrip(),
        "```",
        "",
        "A portfolio strategy is a module with `UNIVERSE` (the symbols it may hold, written out), `SCHEDULE`, constants, `indicators(bars)` and",
        "`rebalance(universe, portfolio, state)`. `indicators` is that of [every strategy](../REFERENCE.md), computed for each symbol on its own bars. `rebalance` gives target",
        "weights. Such strategies are checked, costed, backtested and swept on your own bars (`stratforge check`, `backtest --bars FOLDER`, `sweep`). The platform refuses to store them and starts no session of",
        "them; there a strategy trades one symbol.",
        "",
        "## When, and on what",
        "",
        f"`SCHEDULE` is one of {periods}, or a number of minutes up to {MAX_MINUTES}. `rebalance` is called before the first bar of every new day, week (from Monday), month, quarter or",
        "year of the exchange; spans of minutes are counted from its open, of crypto from midnight UTC. The first call comes as soon as there is one bar. A bar of any of the",
        "symbols begins a new period for all.",
        "",
        "Of every symbol `rebalance` sees the last completed bar, and of the bar at whose open it will trade nothing but its time. A symbol that has no bar yet, or none in the seven days before, is",
        "unknown: it is in no `top`, no average and no comparison.",
        "",
        "## Weights, orders and fills",
        "",
        "`rebalance` returns a weight for each symbol of the universe. Unknown and negative weights are 0, a sum above 1 is scaled to 1, and the rest is cash. `return` alone changes nothing, and what is held",
        "drifts.",
        "",
        "Weights become quantities at the last closes, as parts of the equity there. Orders are filled at the opens of the bars that begin then, sales first. Where purchases cost more than there is cash, all",
        "are cut by the same part. A symbol that has no bar then is traded at its next one's open, unless a later decision comes first. A change worth less than a dollar is not traded, unless it ends a",
        "holding. A symbol that is unknown is not bought: its weight stays cash, and what is held of it stays unless its weight is 0. Costs, and whole shares if asked for, are those of every",
        "backtest; stops and parts of the volume are refused.",
        "",
        "| returned | means |",
        "|---|---|",
        *(f"| `weights.{name}({', '.join(names)})` | {summary} |" for name, (names, summary) in WEIGHTS.items()),
        '| `{"SPY": 0.6, "TLT": 0.4}` | these weights; numbers or expressions |',
        "| a column, such as `best / 3` | its values |",
        "| `cash()` | all cash |",
        "| nothing | no change |",
        "",
        "## Columns",
        "",
        "`universe.close` and the other prices, `universe.<indicator>` and `portfolio.weights` are columns: a number for each symbol. They take `+ - * / // % **` and `np.` with each other and with numbers;",
        "comparisons give conditions, which `& | ~` join and which count as 1 and 0. Results are rounded to twelve digits, and what is not finite becomes unknown. An `if` wants a number or a figure.",
        "",
        "| method | gives |",
        "|---|---|",
        *(f"| `.{name}({', '.join(names)})` | {summary} |" for name, (names, summary) in COLUMN_METHODS.items()),
        *(f"| `.{name}()` | {summary} |" for name, summary in FIGURE_METHODS.items()),
        "",
        "Where two are equal, whoever stands first in the universe comes first; `rank` gives both the average of their ranks.",
        "",
        '`universe.of("SPY").close` is a number: that of one symbol, which need not be in the universe, and which may have a name (`market = universe.of("SPY")`). Likewise `bars.of("SPY").close` in `indicators` is the column of another symbol: of each bar the other\'s',
        "last one that began no later, and unknown if that is more than seven days before; series of it are computed on its bars. `universe.time` has the fields of `bar.time`, of the",
        "bar at whose open is traded. Everything else of `rebalance` is as in `on_bar`: numbers, `state`, `if`, functions of your own; there are no loops.",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `portfolio.{name}` | {meaning} |" for name, meaning in PORTFOLIO_FIELDS.items()),
        '| `portfolio.of("SPY").weight` | the part that one symbol is |',
        "",
        "## Limits",
        "",
        "A strategy has at most so many symbols, those that it only looks at included; all are stocks or all are crypto pairs. The cost of a decision is that of the columns of all symbols and of `rebalance`.",
        "",
        "| what | at most |",
        "|---|---|",
        f"| symbols | {MAX_SYMBOLS} |",
        f"| nominal processor time a decision | {MAX_DECISION_NANOSECONDS / 1e6:g} ms |",
        "| everything else | as in the reference of the language |",
    ]
    return "\n".join(lines) + "\n"
