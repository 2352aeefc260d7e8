"""The event loop, written for one strategy and one configuration.

A loop that asks on every bar whether there is a stop, a cap or a field that nobody reads spends most of its time asking. So the
loop is text, put together from the parts that a strategy and a configuration need, and compiled: by Python for
one backtest, by numba for sweeps. Both run the same statements in the same order on the same floats.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from stratforge.backtest.config import BacktestConfig
from stratforge.market.sizes import SizingRule
from stratforge.strategy import Strategy, arithmetic
from stratforge.strategy.evaluation import STATE_LIMIT
from stratforge.strategy.exits import EXIT_KEYS, STOP_SEEN, TARGET_SEEN, stop_prices, target_prices
from stratforge.strategy.on_bar_compiler import OnBar
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY

Target = Literal["python", "numba"]
EXIT_REASONS = ("signal", "stop loss", "take profit", "trailing stop")
MINIMUM_VALUE = 1.0
_DUST = 1e-9
# Of a level that was computed from a price: 10.70 less a tenth of it is touched at 9.63.
_ROUNDING = 1e-12
_NOTHING = "0.0, 0.0, 0.0, 0.0"

CONFIG_ARGUMENTS = (
    "half_cost",
    "commission_rate",
    "per_share",
    "per_order",
    "participation",
    "sizing_value",
    "stop_loss",
    "take_profit",
    "trailing_stop",
)


def config_arguments(config: BacktestConfig) -> tuple[float, ...]:
    """The numbers of a configuration, in the order of `CONFIG_ARGUMENTS`."""
    return (
        config.half_cost,
        config.commission_bps / 10_000.0,
        config.commission_per_share,
        config.commission_per_order,
        config.participation or 0.0,
        config.sizing_value,
        config.stop_loss or 0.0,
        config.take_profit or 0.0,
        config.trailing_stop or 0.0,
    )


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a configuration that shape the loop (its numbers are arguments)."""

    fractional: bool
    sizing_rule: SizingRule
    costs: bool
    commission: bool
    participation: bool
    stop_loss: bool
    take_profit: bool
    trailing_stop: bool

    @classmethod
    def of(cls, config: BacktestConfig) -> Features:
        """The features that a configuration needs; the loop is generated for these alone."""
        commission = bool(config.commission_bps or config.commission_per_share or config.commission_per_order)
        return cls(
            config.fractional,
            config.sizing_rule,
            config.half_cost > 0,
            commission,
            config.participation is not None,
            config.stop_loss is not None,
            config.take_profit is not None,
            config.trailing_stop is not None,
        )

    @property
    def stops(self) -> bool:
        """True when something can trade within a bar."""
        return self.stop_loss or self.take_profit or self.trailing_stop


@dataclass(frozen=True, slots=True)
class Loop:
    """A compiled loop and the columns it reads, in the order of its arguments.

    `function(n, cash, *columns, *earlier, *parameters, *config_arguments, *sink)` returns the number of fills; `earlier` are the
    values of some columns on the bar before the first. In machine code the sink
    is one array for each of `FILL_COLUMNS`; in the interpreter it is a list that gets a tuple of them for each fill, so
    that memory follows the fills and not the bars. Columns named in `rare` are read by index, so they can stay arrays.
    """

    function: Callable[..., int]
    columns: tuple[str, ...]
    earlier: tuple[str, ...]
    parameters: tuple[str, ...]
    rare: frozenset[str]
    text: str


FILL_COLUMNS = ("bar", "side", "quantity", "price", "commission", "reason", "cash", "held")


def loop_for(strategy: Strategy, config: BacktestConfig, target: Target) -> Loop:
    """The loop for a strategy and a configuration."""
    return _compile(strategy.on_bar, Features.of(config), target)


@lru_cache(maxsize=512)
def _compile(on_bar: OnBar, features: Features, target: Target) -> Loop:
    inlined = target == "python" and not any(line.lstrip().startswith("for ") for line in on_bar.body)
    columns, rare, text = _write(on_bar, features, target, inlined)
    earlier, parameters = on_bar.needs("p"), on_bar.needs("k")
    scope: dict[str, Any] = {"floor": math.floor, "NAN": math.nan}
    if target == "numba":
        import numba

        jit = numba.njit(error_model="numpy", fastmath=False, nogil=True)
        scope |= _compiled_arithmetic()
        exec(compile(on_bar.text, "<on_bar>", "exec"), scope)  # noqa: S102 - written by the strategy compiler
        scope["on_bar"] = jit(scope["on_bar"])
        exec(compile(text, "<loop>", "exec"), scope)  # noqa: S102 - written below
        return Loop(jit(scope["loop"]), columns, earlier, parameters, rare, text)
    scope |= arithmetic.FUNCTIONS
    if not inlined:
        exec(compile(on_bar.text, "<on_bar>", "exec"), scope)  # noqa: S102 - written by the strategy compiler
    exec(compile(text, "<loop>", "exec"), scope)  # noqa: S102 - written below
    return Loop(scope["loop"], columns, earlier, parameters, rare, text)


@lru_cache(maxsize=1)
def _compiled_arithmetic() -> dict[str, Any]:
    """The total operations as machine code: their module once more, in which each is replaced by its compiled form.

    They call each other, and compiled code can call compiled code only.
    """
    import numba

    scope: dict[str, Any] = {"__name__": "stratforge.strategy.compiled_arithmetic"}
    exec(compile(inspect.getsource(arithmetic), "<arithmetic>", "exec"), scope)  # noqa: S102 - our own module
    names = [name for name in arithmetic.FUNCTIONS if name != "absolute"]
    for name in names:
        scope[name] = numba.njit(error_model="python")(scope[name])
    return {**{name: scope[name] for name in names}, "absolute": abs}


def _write(
    decide: OnBar, features: Features, target: Target, inlined: bool
) -> tuple[tuple[str, ...], frozenset[str], str]:
    """The columns the loop reads, which of them only now and then, and its text."""
    arguments = decide.arguments
    state = [key for key in decide.state if not inlined or key not in (STOP_SEEN, TARGET_SEEN)]
    on_bar = [name for name in arguments if name[0] == "b"]
    previous = [name for name in arguments if name[0] == "p"]
    position = {name[2:] for name in arguments if name[0] == "q"}
    read = {"open", "close"} | {name[2:] for name in (*on_bar, *previous)}
    exits = [key for key in state if key in EXIT_KEYS.values()]
    stops = features.stops or bool(exits)
    if stops:
        read |= {"high", "low"}
    if features.participation:
        read.add("volume")
    columns = tuple(sorted(read))
    # What only fills and decisions read is looked up then, and not carried through every bar.
    read_always = {name[2:] for name in (*on_bar, *previous)} | (
        {"open", "close"} if stops or EQUITY_KEY in state or "unrealized_return" in position else set()
    )
    rare = {"open", "close"} - read_always if target == "python" and read_always else set()
    parameters = [name for name in arguments if name[0] == "k"]
    sink = [f"f_{name}" for name in FILL_COLUMNS] if target == "numba" else ["rows"]
    head = [
        "n",
        "cash",
        *(f"c_{name}" for name in columns),
        *(f"e_{name[2:]}" for name in previous),
        *parameters,
        *CONFIG_ARGUMENTS,
        *sink,
    ]
    lines = [f"def loop({', '.join(head)}):"]
    write = lines.append
    held = "bars_held" in position
    write("    fills = 0; quantity = 0.0; cost = 0.0; entry = 0.0")
    write("    want = 0.0; side = 0.0")
    if features.trailing_stop:
        write("    peak = 0.0")
    if held:
        write("    bars_held = 0.0")
    for key in state:
        write(f"    s_{key} = NAN")
    for name in previous:
        write(f"    l_{name[2:]} = e_{name[2:]}")
    if target == "numba":
        write("    for i in range(n):")
        for name in columns:
            write(f"        b_{name} = c_{name}[i]")
    else:
        often = [name for name in columns if name not in rare]
        names = "".join(f", b_{name}" for name in often)
        write(f"    for i{names} in zip(range(n){''.join(f', c_{name}' for name in often)}):")
    for name in previous:
        write(f"        {name} = l_{name[2:]}; l_{name[2:]} = b_{name[2:]}")
    write("        if side:" if target == "python" else "        if side != 0.0:")
    if "open" in rare:
        write("            b_open = float(c_open[i])")
    _write_fill(write, features, target)
    for key in state:
        write(f"        if not -{STATE_LIMIT!r} <= s_{key} <= {STATE_LIMIT!r}: s_{key} = NAN")
    if stops:
        write("        if quantity > 0.0:")
        _write_stops(write, features, target, exits)
    if held:
        write("        bars_held = bars_held + 1.0 if quantity > 0.0 else 0.0")
    if CASH_KEY in state:
        write(f"        s_{CASH_KEY} = cash")
    if EQUITY_KEY in state:
        write(f"        s_{EQUITY_KEY} = cash + quantity * b_close")
    views = {
        "q_quantity": "quantity",
        "q_average_entry_price": "entry",
        "q_unrealized_return": "((b_close / entry - 1.0) if quantity > 0.0 else 0.0)",
        "q_bars_held": "bars_held",
    }
    close = ["b_close = float(c_close[i])"] if "close" in rare else []
    if inlined:
        _write_inlined(write, decide, views, close, features)
    else:
        results = ", ".join(("action", "confidence", "kind", "size", *(f"s_{key}" for key in state)))
        write(f"        {results} = on_bar({', '.join(views.get(name, name) for name in arguments)})")
        write("        if action != 0.0:")
        for line in close:
            write(f"            {line}")
        _write_decision(write, "            ", features)
    write("    return fills")
    return columns, frozenset(rare), "\n".join(lines)


def _write_inlined(
    write: Callable[[str], None], decide: OnBar, views: dict[str, str], close: list[str], features: Features
) -> None:
    """Puts the body of `on_bar` into the loop: where it returns, the decision is noted and the next bar begins.

    Only for a body without loops of its own (`continue` would mean those), which is nearly every one; a call for each
    bar costs as much as the decision.
    """
    suffix = "".join(f", s_{key}" for key in decide.state)
    for line in decide.body[decide.noted :]:
        for name, view in views.items():
            line = re.sub(rf"\b{name}\b", view, line)
        bare = line.lstrip()
        indent = "        " + line[: len(line) - len(bare)]
        if not bare.startswith("return "):
            write(indent + bare)
            continue
        decision = bare.removeprefix("return (").removesuffix(")").removesuffix(suffix)
        if decision != _NOTHING:
            write(f"{indent}action, confidence, kind, size = {decision}")
            for each in close:
                write(indent + each)
            _write_decision(write, indent, features)
        write(indent + "continue")


def _commission(features: Features, quantity: str, price: str) -> str:
    return (
        f"({quantity} * {price} * commission_rate + {quantity} * per_share + per_order)"
        if features.commission
        else "0.0"
    )


def _record(write: Callable[[str], None], indent: str, target: Target, side: str, quantity: str, reason: str) -> None:
    values = ("i", side, quantity, "price", "fee", reason, "cash", "quantity")
    if target == "numba":
        for name, value in zip(FILL_COLUMNS, values, strict=True):
            write(f"{indent}f_{name}[fills] = {value}")
    else:
        write(f"{indent}rows.append(({', '.join(values)}))")
    write(f"{indent}fills += 1")


def _write_fill(write: Callable[[str], None], features: Features, target: Target) -> None:
    """Fills what the previous bar decided, at this bar's open."""
    indent = "            "
    write(indent + "part = want")
    if features.participation:
        write(indent + "part = min(part, b_volume * participation)")
        if not features.fractional:
            write(indent + "part = float(floor(part))")
    write(indent + "if side == 1.0:")
    inner = indent + "    "
    write(inner + ("price = b_open * (1.0 + half_cost)" if features.costs else "price = b_open"))
    if features.commission:
        write(inner + "affordable = (cash - per_order) / (price * (1.0 + commission_rate) + per_share)")
    else:
        write(inner + "affordable = cash / price")
    write(inner + "if part > affordable: part = affordable; want = affordable")
    if not features.fractional:
        write(inner + "part = float(floor(part + 1e-9))")
    write(inner + f"if part * price >= {MINIMUM_VALUE}:")
    deep = inner + "    "
    write(deep + f"fee = {_commission(features, 'part', 'price')}")
    write(deep + "paid = part * price + fee")
    # Rounding may take the last cent below zero by an ulp.
    write(deep + "cash = max(cash - paid, 0.0)")
    if features.trailing_stop:
        write(deep + "peak = price if quantity == 0.0 else peak")
    write(deep + "quantity += part; cost += part * price; entry = cost / quantity")
    _record(write, deep, target, "1.0", "part", "0.0")
    write(deep + "want -= part")
    if features.participation:
        write(inner + "if want * price < 1.0: side = 0.0")
    else:
        write(inner + "side = 0.0")
    write(indent + "else:")
    write(inner + ("price = b_open * (1.0 - half_cost)" if features.costs else "price = b_open"))
    write(inner + f"if part >= quantity - {_DUST}: part = quantity")
    write(inner + "if part > 0.0:")
    _write_sale(write, deep, features, target, "part", "0.0")
    write(deep + "want -= part")
    if features.participation:
        write(inner + f"if quantity == 0.0 or want <= {_DUST}: side = 0.0")
    else:
        write(inner + "side = 0.0")


def _write_sale(
    write: Callable[[str], None], indent: str, features: Features, target: Target, quantity: str, reason: str
) -> None:
    write(indent + f"fee = {_commission(features, quantity, 'price')}")
    write(indent + f"cash += {quantity} * price - fee")
    write(indent + f"cost -= entry * {quantity}; quantity -= {quantity}")
    write(indent + "if quantity <= 0.0: quantity = 0.0; cost = 0.0; entry = 0.0")
    _record(write, indent, target, "2.0", quantity, reason)


def _write_stops(write: Callable[[str], None], features: Features, target: Target, exits: Collection[str]) -> None:
    """Stops and targets within the bar, for the position as it is after the open."""
    indent = "            "
    write(indent + "level = 0.0; reason = 0.0")
    if features.stop_loss:
        write(indent + "level = entry * (1.0 - stop_loss); reason = 1.0")
    if features.trailing_stop:
        write(indent + "trail = peak * (1.0 - trailing_stop)")
        write(indent + "if trail > level: level = trail; reason = 3.0")
    own = list(stop_prices(exits, "entry"))
    for price, trails in own:
        write(f"{indent}own = {price}")
        write(f"{indent}if own > level: level = own; reason = {3.0 if trails else 1.0}")
    targets = list(target_prices(exits, "entry"))
    goal = "entry * (1.0 + take_profit)" if features.take_profit else "1e400"
    if targets:
        write(f"{indent}goal = {goal}")
        for price in targets:
            write(f"{indent}own = {price}")
            write(f"{indent}if own < goal: goal = own")
        goal = "goal"
    sell = indent + "    "
    worse = " * (1.0 - half_cost)" if features.costs else ""
    condition = "if"
    if features.stop_loss or features.trailing_stop or own:
        # A bar that opens beyond the target has reached it first, whatever comes after.
        first = (
            f" and (b_open <= level or b_open < {goal} * {1 - _ROUNDING!r})" if features.take_profit or targets else ""
        )
        write(f"{indent}if b_low <= level * {1 + _ROUNDING!r}{first}:")
        write(sell + f"price = min(b_open, level){worse}")
        write(sell + "part = quantity; side = 0.0")
        _write_sale(write, sell, features, target, "part", "reason")
        condition = "elif"
    if features.take_profit or targets:
        write(indent + f"{condition} b_high >= {goal} * {1 - _ROUNDING!r}:")
        write(sell + f"price = max(b_open, {goal}){worse}")
        write(sell + "part = quantity; side = 0.0")
        _write_sale(write, sell, features, target, "part", "2.0")
    if features.trailing_stop:
        write(indent + "if b_high > peak: peak = b_high")


def _write_decision(write: Callable[[str], None], indent: str, features: Features) -> None:
    """Turns a decision into a wanted quantity, sized at this bar's close."""
    write(indent + "if confidence > 1.0: confidence = 1.0")
    write(indent + "if confidence < 0.0: confidence = 0.0")
    write(indent + "if confidence == confidence and (kind == 0.0 or 0.0 < size <= 1e12):")
    inner = indent + "    "
    deep = inner + "    "
    write(inner + "if kind == 1.0 and size > 1.0: size = 1.0")
    write(inner + "if action == 1.0:")
    write(deep + "if kind == 0.0:")
    rule = {
        SizingRule.EQUITY_FRACTION: "(cash + quantity * b_close) * sizing_value * confidence / b_close",
        SizingRule.FIXED_CASH: "sizing_value / b_close",
        SizingRule.FIXED_QUANTITY: "sizing_value",
    }[features.sizing_rule]
    write(deep + f"    want = {rule}")
    write(deep + "elif kind == 1.0: want = (cash + quantity * b_close) * size / b_close")
    write(deep + "elif kind == 2.0: want = size")
    write(deep + "else: want = size / b_close")
    if not features.fractional:
        write(deep + "want = float(floor(want))")
    write(deep + "side = 1.0 if want > 0.0 else 0.0")
    write(inner + "elif quantity > 0.0:")
    write(deep + "if kind == 0.0: want = quantity")
    write(deep + "elif kind == 1.0: want = quantity * size")
    write(deep + "else: want = size")
    if not features.fractional:
        write(deep + "want = float(floor(want)) if want < quantity else quantity")
    write(deep + "side = 2.0 if want > 0.0 else 0.0")
    write(inner + "else:")
    # A sale of nothing ends what was still to be bought.
    write(deep + "side = 0.0")
