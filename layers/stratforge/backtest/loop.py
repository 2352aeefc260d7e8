"""The event loop, written for one strategy and one configuration.

A loop that asks on every bar whether there is a stop, a cap or a field that nobody reads spends most of its time asking. So the
loop is text, put together from the parts that a strategy and a configuration need, and compiled: by Python for
one backtest, by numba for sweeps. Both run the same statements in the same order on the same floats.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.margin import opening
from stratforge.backtest.matching import CONFIG_ARGUMENTS, DUST, FILL_COLUMNS, NIGHTS, Features, Matching, Target
from stratforge.market.sizes import SizingRule
from stratforge.strategy import Strategy, arithmetic
from stratforge.strategy.evaluation import STATE_LIMIT
from stratforge.strategy.exits import EXIT_KEYS, STOP_SEEN, TARGET_SEEN
from stratforge.strategy.on_bar_compiler import OnBar
from stratforge.strategy.on_bar_expressions import NO_SIGNAL
from stratforge.strategy.order_terms import TERM_KEYS
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY, POWER_KEY


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
    lines: list[str] = []
    write = lines.append
    exits, terms = ([key for key in state if key in own.values()] for own in (EXIT_KEYS, TERM_KEYS))
    shorts = decide.shorts
    matching = Matching(write, features, target, exits, terms, shorts)
    if matching.within:
        read |= {"high", "low"}
    if features.participation:
        read.add("volume")
    if shorts:
        read.add(NIGHTS)
    columns = tuple(sorted(read))
    # What only fills and decisions read is looked up then, and not carried through every bar.
    read_always = {name[2:] for name in (*on_bar, *previous)} | (
        {"open", "close"} if matching.within and not matching.kept else set()
    )
    if EQUITY_KEY in state or "unrealized_return" in position or shorts:
        read_always |= {"open", "close"}
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
    write(f"def loop({', '.join(head)}):")
    held = "bars_held" in position
    write("    fills = 0; quantity = 0.0; cost = 0.0; entry = 0.0")
    write("    want = 0.0; side = 0.0")
    if features.trailing_stop:
        write("    peak = 0.0")
    matching.begin()
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
    matching.before_the_open()
    matching.orders("open" in rare)
    # Those that hold its exits and terms are bounded where they are set.
    for key in (key for key in state if key not in (*exits, *terms)):
        write(f"        if not -{STATE_LIMIT!r} <= s_{key} <= {STATE_LIMIT!r}: s_{key} = NAN")
    matching.after_the_open("open" in rare)
    matching.at_the_close()
    if held:
        write(f"        bars_held = bars_held + 1.0 if quantity {'!=' if shorts else '>'} 0.0 else 0.0")
    if CASH_KEY in state:
        write(f"        s_{CASH_KEY} = cash")
    if EQUITY_KEY in state:
        write(f"        s_{EQUITY_KEY} = cash + quantity * b_close")
    if POWER_KEY in state:
        owed = f"max(cash + quantity * (b_close + {opening('b_close')}), 0.0) if quantity < 0.0 else " if shorts else ""
        write(f"        s_{POWER_KEY} = {owed}cash")
    of_short = "((1.0 - b_close / entry) if quantity < 0.0 else 0.0)" if shorts else "0.0"
    views = {
        "q_quantity": "quantity",
        "q_average_entry_price": "entry",
        "q_unrealized_return": f"((b_close / entry - 1.0) if quantity > 0.0 else {of_short})",
        "q_bars_held": "bars_held",
    }
    close = ["b_close = float(c_close[i])"] if "close" in rare else []
    if inlined:
        _write_inlined(write, decide, views, close, features, matching)
    else:
        results = ", ".join(("action", "confidence", "kind", "size", *(f"s_{key}" for key in state)))
        write(f"        {results} = on_bar({', '.join(views.get(name, name) for name in arguments)})")
        if matching.kept:
            write(f"        {matching.moved}")
        write("        if action != 0.0:")
        for line in close:
            write(f"            {line}")
        _write_decision(write, "            ", features, matching)
    write("    return fills")
    return columns, frozenset(rare), "\n".join(lines)


def _write_inlined(
    write: Callable[[str], None],
    decide: OnBar,
    views: dict[str, str],
    close: list[str],
    features: Features,
    matching: Matching,
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
            if matching.kept and bare.startswith(tuple(f"s_{key} = " for key in matching.exits)):
                write(indent + matching.moved)
            continue
        decision = bare.removeprefix("return (").removesuffix(")").removesuffix(suffix)
        if decision != NO_SIGNAL:
            write(f"{indent}action, confidence, kind, size = {decision}")
            for each in close:
                write(indent + each)
            _write_decision(write, indent, features, matching)
        write(indent + "continue")


def _write_decision(write: Callable[[str], None], indent: str, features: Features, matching: Matching) -> None:
    """Turns a decision into a wanted quantity, sized at its limit, its stop or this bar's close."""
    write(indent + "if confidence > 1.0: confidence = 1.0")
    write(indent + "if confidence < 0.0: confidence = 0.0")
    write(indent + "if confidence == confidence and (kind == 0.0 or 0.0 < size <= 1e12):")
    inner = indent + "    "
    deep = inner + "    "
    price = matching.decision(inner)
    write(inner + "if kind == 1.0 and size > 1.0: size = 1.0")
    write(inner + ("if action == 1.0 or action == 3.0:" if matching.shorts else "if action == 1.0:"))
    write(deep + "if kind == 0.0:")
    rule = {
        SizingRule.EQUITY_FRACTION: f"(cash + quantity * b_close) * sizing_value * confidence / {price}",
        SizingRule.FIXED_CASH: f"sizing_value / {price}",
        SizingRule.FIXED_QUANTITY: "sizing_value",
    }[features.sizing_rule]
    write(deep + f"    want = {rule}")
    write(f"{deep}elif kind == 1.0: want = (cash + quantity * b_close) * size / {price}")
    write(deep + "elif kind == 2.0: want = size")
    write(f"{deep}else: want = size / {price}")
    if matching.shorts:
        write(f"{deep}if action == 3.0: want = float(floor(want + {DUST!r}))")
    if not features.fractional:
        write(deep + "want = float(floor(want))")
    write(deep + ("side = action if want > 0.0 else 0.0" if matching.shorts else "side = 1.0 if want > 0.0 else 0.0"))
    _write_closing(
        write, inner, "quantity", "2.0", "action == 2.0 and quantity > 0.0", not features.fractional, matching
    )
    if matching.shorts:
        _write_closing(write, inner, "-quantity", "4.0", "quantity < 0.0", True, matching)
    write(inner + "else:")
    # A sale of nothing ends what was still to be bought.
    write(deep + "side = 0.0")


def _write_closing(
    write: Callable[[str], None], indent: str, held: str, side: str, condition: str, whole: bool, matching: Matching
) -> None:
    """The wanted quantity of a decision that closes what is held, or a part of it."""
    deep = indent + "    "
    write(f"{indent}elif {condition if matching.shorts else 'quantity > 0.0'}:")
    write(f"{deep}if kind == 0.0: want = {held}")
    write(f"{deep}elif kind == 1.0: want = {held} * size")
    write(f"{deep}else: want = size")
    if whole:
        dust = f" + {DUST!r}" if side == "4.0" else ""
        write(f"{deep}want = float(floor(want{dust})) if want < {held} else {held}")
    write(f"{deep}side = {side} if want > 0.0 else 0.0")
