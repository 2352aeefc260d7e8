"""Reading the module of a portfolio strategy: its universe, its schedule, and what it has in common with every strategy."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from stratforge.market.symbols import InvalidSymbol, is_crypto, is_symbol, parse_symbol
from stratforge.strategy.findings import Code
from stratforge.strategy.rotation.schedule import MAX_MINUTES, PERIODS, Schedule
from stratforge.strategy.source import Findings, Module, Shape, literal_number, parse, read_module

MAX_SYMBOLS = 50
_PERIODS = ", ".join(f'"{each}"' for each in PERIODS)
_DECLARATIONS = {
    "UNIVERSE": 'Write UNIVERSE = ["AAPL", "MSFT"], with the symbols written out',
    "SCHEDULE": f"Write SCHEDULE = one of {_PERIODS}, or a number of minutes up to {MAX_MINUTES}",
}
_HINT = (
    'Write UNIVERSE = ["AAPL", …], SCHEDULE = "monthly", module constants (TOP = 3), a function indicators(bars) that returns a dict of '
    "series, and a function rebalance(universe, portfolio, state)"
)
WORDS = ("universe", "portfolio", "weights", "cash", "rebalance")
REBALANCE = Shape("rebalance", ("universe", "portfolio", "state"), _HINT, (*WORDS, *_DECLARATIONS, "TIMEFRAME"))


@dataclass(frozen=True, slots=True)
class PortfolioModule:
    """The parts of the module of a portfolio strategy; its `on_bar` is `rebalance`."""

    universe: tuple[str, ...]
    schedule: Schedule
    module: Module


def read_portfolio(tree: ast.Module, findings: Findings) -> PortfolioModule | None:
    """The parts of the module; None when one is missing (which is then a finding)."""
    found: dict[str, ast.expr] = {}
    rest: list[ast.stmt] = []
    for each in tree.body:
        name = _declared(each)
        if name is None:
            rest.append(each)
            continue
        assert isinstance(each, ast.Assign)
        if name.upper() in found:
            findings.add(each, Code.STRUCTURE, f"{name.upper()} is set twice", "Keep one")
        if name != name.upper():
            findings.add(each, Code.STRUCTURE, f"{name} is not a declaration", _DECLARATIONS[name.upper()])
        found[name.upper()] = each.value
    for name, hint in _DECLARATIONS.items():
        if name not in found:
            findings.add(tree, Code.STRUCTURE, f"there is no {name}", hint)
    universe = _universe(found["UNIVERSE"], findings) if "UNIVERSE" in found else ()
    schedule = _schedule(found["SCHEDULE"], findings) if "SCHEDULE" in found else None
    module = read_module(ast.Module(rest, tree.type_ignores), findings, REBALANCE)
    if module is None or not universe or schedule is None:
        return None
    return PortfolioModule(universe, schedule, module)


def schedule_of(source: str) -> Schedule | None:
    """The schedule that a source declares; None where it declares none that there is."""
    for each in parse(source).body:
        if isinstance(each, ast.Assign) and _declared(each) == "SCHEDULE":
            return _schedule(each.value, Findings())
    return None


def _declared(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id.upper() in _DECLARATIONS:
            return target.id
    return None


def _universe(node: ast.expr, findings: Findings) -> tuple[str, ...]:
    hint = _DECLARATIONS["UNIVERSE"]
    if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
        findings.add(node, Code.STRUCTURE, "the universe is not a list of symbols", hint)
        return ()
    symbols: list[str] = []
    for each in node.elts:
        word = each.value if isinstance(each, ast.Constant) else None
        if not isinstance(word, str) or not is_symbol(word):
            findings.add(each, Code.STRUCTURE, "this is not a symbol", _nearby(word) or hint)
        elif word in symbols:
            findings.add(each, Code.STRUCTURE, f"{word} is in the universe twice", "Keep it once")
        else:
            symbols.append(word)
    check_together(node, symbols, findings)
    return tuple(symbols)


def _nearby(word: object) -> str:
    try:
        return f'Write "{parse_symbol(word)}"' if isinstance(word, str) else ""
    except InvalidSymbol:
        return ""


def check_together(node: ast.AST, symbols: list[str], findings: Findings) -> None:
    """Refuses symbols that cannot be in one strategy: too many, or of markets with different days."""
    if len(symbols) > MAX_SYMBOLS:
        message = f"{len(symbols)} symbols; {MAX_SYMBOLS} are allowed"
        findings.add(node, Code.TOO_LARGE, message, "Leave some out, those that are only looked at included")
    if len({is_crypto(each) for each in symbols}) > 1:
        message = "stocks and crypto pairs do not go together: their days begin and end at different times"
        findings.add(node, Code.STRUCTURE, message, "Write a strategy for each")


def _schedule(node: ast.expr, findings: Findings) -> Schedule | None:
    if isinstance(node, ast.Constant) and node.value in PERIODS:
        return Schedule(str(node.value))
    minutes = literal_number(node)
    if minutes is not None and minutes.is_integer() and 1 <= minutes <= MAX_MINUTES:
        return Schedule("", int(minutes))
    findings.add(node, Code.STRUCTURE, "this is not a schedule", _DECLARATIONS["SCHEDULE"])
    return None
