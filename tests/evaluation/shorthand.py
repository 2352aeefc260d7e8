"""How the larger sets of cases are written: references by short names of columns and facts.

In an expression `close` is the bar's close and `was_close` that of the bar before; `rsi14`, `sma50`, `hh20` name columns by the table below;
`over(a, b)` and `under(a, b)` are crossings on this bar; `minute` is the minute of the day, `left` the minutes left until the close, `age` the bars held, `gain` the unrealized return,
`entry` the average entry price, `peak` and `top` the highest close and high since the entry, `trades` the purchases of this day.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tests.evaluation.cases import Case, Reference

_HLC = "bars.high, bars.low, bars.close"
_BANDS = "ta.bbands(bars.close, length={0}, std={1})"
# A column's name, and what it is; digits of the name fill the gaps.
_COLUMNS = {
    r"rsi(\d+)": "ta.rsi(bars.close, length={0})",
    r"(sma|ema|wma|hma|mom|roc|dema|tema)(\d+)": "ta.{0}(bars.close, length={1})",
    r"max(\d+)rsi(\d+)": "ta.rsi(bars.close, length={1}).rolling({0}).max()",
    r"min(\d+)rsi(\d+)": "ta.rsi(bars.close, length={1}).rolling({0}).min()",
    r"hh(\d+)": "bars.high.rolling({0}).max().shift(1)",
    r"ll(\d+)": "bars.low.rolling({0}).min().shift(1)",
    r"hc(\d+)": "bars.close.rolling({0}).max().shift(1)",
    r"lc(\d+)": "bars.close.rolling({0}).min().shift(1)",
    r"high(\d+)": "bars.high.rolling({0}).max()",
    r"vol(\d+)": "bars.volume.rolling({0}).mean()",
    r"oldvol(\d+)": "bars.volume.rolling({0}).mean().shift(1)",
    r"lower(\d+)_(\d+)": f"{_BANDS}.lower",
    r"middle(\d+)_(\d+)": f"{_BANDS}.mid",
    r"upper(\d+)_(\d+)": f"{_BANDS}.upper",
    r"macd(\d+)_(\d+)_(\d+)": "ta.macd(bars.close, fast={0}, slow={1}, signal={2}).macd",
    r"signal(\d+)_(\d+)_(\d+)": "ta.macd(bars.close, fast={0}, slow={1}, signal={2}).signal",
    r"hist(\d+)_(\d+)_(\d+)": "ta.macd(bars.close, fast={0}, slow={1}, signal={2}).histogram",
    r"atr(\d+)": f"ta.atr({_HLC}, length={{0}})",
    r"adx(\d+)": f"ta.adx({_HLC}, length={{0}}).adx",
    r"plus(\d+)": f"ta.adx({_HLC}, length={{0}}).plus",
    r"minus(\d+)": f"ta.adx({_HLC}, length={{0}}).minus",
    r"stochk": f"ta.stoch({_HLC}, k=14, d=3, smooth_k=3).k",
    r"stochd": f"ta.stoch({_HLC}, k=14, d=3, smooth_k=3).d",
    r"cci(\d+)": f"ta.cci({_HLC}, length={{0}})",
    r"willr(\d+)": f"ta.willr({_HLC}, length={{0}})",
    r"mfi(\d+)": f"ta.mfi({_HLC}, bars.volume, length={{0}})",
    r"vwap": f"ta.vwap({_HLC}, bars.volume)",
    r"trend(\d+)_(\d+)": f"ta.supertrend({_HLC}, length={{0}}, multiplier={{1}}).direction",
    r"kcl(\d+)_(\d+)": f"ta.kc({_HLC}, length={{0}}, scalar={{1}}).lower",
    r"kcu(\d+)_(\d+)": f"ta.kc({_HLC}, length={{0}}, scalar={{1}}).upper",
    r"change(\d+)": "bars.close.pct_change({0})",
    r"reds(\d+)": "np.where(bars.close < bars.open, 1.0, 0.0).rolling({0}).sum()",
    r"greens(\d+)": "np.where(bars.close > bars.open, 1.0, 0.0).rolling({0}).sum()",
    r"falls(\d+)": "np.where(bars.close < bars.close.shift(1), 1.0, 0.0).rolling({0}).sum()",
    r"rises(\d+)": "np.where(bars.close > bars.close.shift(1), 1.0, 0.0).rolling({0}).sum()",
}
_FACTS = {
    "minute": "(bar.time.hour * 60 + bar.time.minute)",
    "left": "bar.time.minutes_to_close",
    "weekday": "bar.time.weekday",
    "age": "position.bars_held",
    "gain": "position.unrealized_return",
    "entry": "position.average_entry_price",
    "trades": 'state.get("trades", 0)',
    "flat": 'state.get("flat", 9999)',
}
_PRICES = ("open", "high", "low", "close", "volume")
_BEFORE = {
    "peak": (
        'peak = max(state.get("peak", 0), bar.close) if position.quantity > 0 else bar.close',
        'state["peak"] = peak',
    ),
    "top": (
        'top = max(state.get("top", 0), bar.high) if position.quantity > 0 else bar.high',
        'state["top"] = top',
    ),
    "trades": (
        'if bar.time.weekday != state.get("weekday", -1):',
        '    state["trades"] = 0',
        'state["weekday"] = bar.time.weekday',
    ),
    "flat": ('state["flat"] = state.get("flat", 9999) + 1 if position.quantity == 0 else 0',),
}
_ON_BUY = {"trades": ('state["trades"] = state.get("trades", 0) + 1',)}


def _column(name: str) -> str | None:
    for pattern, call in _COLUMNS.items():
        if match := re.fullmatch(pattern, name):
            return call.format(*match.groups())
    return None


def _written(expression: str, columns: dict[str, str]) -> str:
    crossing = re.compile(r"(over|under)\(([^(),]+), ([^(),]+)\)")

    def crossed(match: re.Match[str]) -> str:
        left, right = match[2], match[3]
        beyond, within = (">", "<=") if match[1] == "over" else ("<", ">=")
        before = [re.sub(r"\b([a-z]\w*)", r"was_\1", each) for each in (left, right)]
        return f"({left} {beyond} {right} and {before[0]} {within} {before[1]})"

    def word(match: re.Match[str]) -> str:
        name = match[0]
        plain = name.removeprefix("was_")
        lead = "bar.previous." if name != plain else "bar."
        if plain in _PRICES:
            return lead + plain
        if call := _column(plain):
            columns[plain] = call
            return lead + plain
        return _FACTS.get(name, name)

    return re.sub(r"\b[a-z]\w*", word, crossing.sub(crossed, expression))


def rule(entry: str, leave: str, size: str = "") -> Reference:
    """A reference from short expressions."""
    columns: dict[str, str] = {}
    words = set(re.findall(r"[a-z]\w*", f"{entry} {leave}"))
    before = tuple(line for name, lines in _BEFORE.items() if name in words for line in lines)
    on_buy = tuple(line for name, lines in _ON_BUY.items() if name in words for line in lines)
    return Reference(_written(entry, columns), _written(leave, columns), columns, before, on_buy, size)


def parts(entry: str, first: str, rest: str, fraction: float = 0.5) -> Reference:
    """A reference that sells a fraction when `first` holds, once, and all when `rest` holds."""
    columns: dict[str, str] = {"price": "bars.close"}
    entry, first, rest = (_written(each, columns) for each in (entry, first, rest))
    names = ", ".join(f'"{name}": {call}' for name, call in columns.items())
    code = f"""\
def indicators(bars):
    return {{{names}}}


def on_bar(bar, position, state):
    if position.quantity == 0:
        state["sold"] = 0
        if {entry}:
            return buy()
    elif {rest}:
        return sell()
    elif state.get("sold", 0) == 0 and ({first}):
        state["sold"] = 1
        return sell(fraction={fraction})
"""
    return Reference(entry, rest, whole=code)


def case(group: str, request: str, *references: Reference, symbol: str | None = None) -> Case:
    """A request and its acceptable readings; none where a question or a refusal is due."""
    return Case(group, request, references, symbol=symbol, exact=True)


def talk(group: str, turns: tuple[str, ...], *references: Reference, symbol: str | None = None) -> Case:
    """Several turns, and the acceptable readings of the whole."""
    return Case(group, turns[0], references, symbol=symbol, then=turns[1:], exact=True)


def sets(condition: str, leave: str, size: str = "") -> tuple[Reference, Reference]:
    """ "Falls below 30" and its like: the state, or the crossing on this bar. `condition` holds one comparison of a column with something."""
    left, sign, right = condition.split(" ", 2)
    return (
        rule(condition, leave, size),
        rule(f"{'over' if sign == '>' else 'under'}({left}, {right})", leave, size),
    )


def held_out(*cases: Case) -> tuple[Case, ...]:
    """The same, marked as unseen by whoever works on the offline author."""
    return tuple(replace(each, held_out=True) for each in cases)
