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
        "weights. Such strategies are checked, costed, backtested and swept on your own bars (`stratforge check`, `backtest --bars FOLDER`, `sweep`), and on the platform, which runs",
        "them [live](#live) too.",
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
        "## Backtests on the platform",
        "",
        "They take the setup of a session, and nothing else: a capital in dollars, or as a part of `cash`, which stands for the account's equity. They run on the bars that a session decides on:",
        "“daily” to “yearly” on days, the last five years unless a period is given, spans of minutes on minutes, the last 30 days. Bars before the period are read as far as the columns look back, so",
        "that the first decision knows as much as the last. A run of all symbols together has at most 500,000 bars, and its nominal cost decides what is too long, and whether a sweep is worked on in parts.",
        "The report has the curve of the equity beside equal parts of the universe, weights over time, turnover, what each symbol was in it, and the latest decisions and trades.",
        "",
        "Several sessions of one user have each its own capital, which none of the others counts on. The account's cash is one all the same: where more was promised than there is, since sessions were",
        "begun with more than it or its owner spent it otherwise, purchases are cut to what is free, and the decision says by how much.",
        "",
        "## Live",
        "",
        "A session begins with a capital of its own: dollars, or a part of the equity of that moment. Its cash is that capital, less what its positions cost, with what they made; so its owner's other",
        "trading changes nothing that it sees. It has no stops, and its capital stays. What it was not told to hold, under another name since, say, counts to its equity and is left alone.",
        "",
        '"daily" to "yearly" decide on bars of days, once the exchange has opened on the first trading day of the period (of crypto, within the first minute after midnight UTC, when the day before is not corrected any more), on the days before. Days are read anew each morning,',
        "on one scale whatever was split; one that the vendor does not give is waited for until an hour after the open. So is the ledger where it does not follow a split of something held yet, which is left",
        "alone then. Spans of minutes decide on bars of minutes, as soon as the bars of the last minute",
        "before the span are in for every symbol, or five seconds after that minute (by our clock on a replay, and half of a span at most): a minute without a trade has no bar. The first span of a day is decided about at the open. Bars have the scale of what is held, whatever",
        "was split, and what was corrected before the decision. Symbols that were waited for in",
        "vain are named in the decision and are unknown only if their last bar is older than seven days. The first decision comes at once, while the exchange is open; one that could not be taken in time is",
        "taken as long as its period runs, on the bars before that day or span; after that it is left out.",
        "",
        "Sales are ordered at once, purchases when the sales have ended, a minute later at most. Of what nobody looked at before there is no price until its first bar or trade: while nothing that is bought has one they wait, and while something has for a minute, and half of a span, at most. Where they then cost more than the session's cash, or at two percent above the price more than the",
        "account's, all are cut by the same part, as in a backtest. Orders are those of every session: at the market, netted with everybody else's, refused with a reason, old after three minutes. What is left of a",
        "decision's orders is called off when the next one falls due, which waits for their end. A paused session decides nothing; when it goes on in a period that it has not decided about, it does. One that ends",
        "or pauses between sales and purchases buys nothing. What could not be bought before the next decision falls due, the exchange closes or an hour is over is not bought.",
        "A symbol that is halted is not traded, and the others are. While the price of one that the strategy sees has jumped for no reason that is known, as after a split that nobody announced, nothing is decided until an operator has looked at it. Where an order of the owner's is open the symbol is left alone by the decision, which says so, and where he trades while the strategy thinks",
        "it decides anew.",
        "",
        "Every decision is kept: the bars it saw (of days in the edition in which it saw them), prices, what was held, equity, cash, state, weights and orders. A replay decides again on these, and weights, state",
        "and orders must be the same, bit for bit. So does the session's page (by API `decisions/rules`, for models `explain_decision`): of each symbol it says what was read, compared, ranked and chosen, from the same code. Whoever dies between is no matter: a decision and its sales are written at once, and only once for a period. A strategy that fails is tried again after a minute,",
        "and the third failure in a row ends its session.",
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
        "last one that began no later, and unknown if that is more than seven days before; series of it are computed on its bars. Live each symbol comes with its own last bars, and one that is looked at with as many as the bars of the others look back on, however seldom these trade: of minutes at most 16,384 more of all that are looked at, and none from more than 28 days before, which are unknown then. `universe.time` has the fields of `bar.time`, of the",
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
        "| bars of all symbols together that a live decision looks at | 65,536 |",
        f"| nominal processor time a decision | {MAX_DECISION_NANOSECONDS / 1e6:g} ms |",
        "| everything else | as in the reference of the language |",
    ]
    return "\n".join(lines) + "\n"


def portfolio_section() -> str:
    """The language of portfolio strategies in the form the model gets."""
    returned = "; ".join(f"weights.{name}({', '.join(names)}): {meaning}" for name, (names, meaning) in WEIGHTS.items())
    methods = ", ".join(f".{name}({', '.join(arguments)})" for name, (arguments, _) in COLUMN_METHODS.items())
    return f"""\
- UNIVERSE = ["SPY", "QQQ"] (at most {MAX_SYMBOLS}), SCHEDULE = one of {", ".join(f'"{each}"' for each in PERIODS)} or minutes up to {MAX_MINUTES}, constants,
  indicators(bars) as above, computed for each symbol, and rebalance(universe, portfolio, state); there is no on_bar. A bar is a day, and with a SCHEDULE of minutes a minute.
- universe.close and universe.<indicator> are columns: a number for each symbol, with + - * / // % **, comparisons, & | ~, np., {methods},
  and figures {", ".join(f".{name}()" for name in FIGURE_METHODS)}. universe.of("SPY").<indicator> is a number; that symbol need not be in the universe.
  portfolio has {", ".join(PORTFOLIO_FIELDS)}. No loops. A strategy decides at the open on the bars before.
- rebalance returns weights: {returned}; {{"SPY": 0.6}}: these; cash(); nothing: no change."""
