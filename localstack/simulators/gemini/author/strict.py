"""Strategies written from the strict reading of the intent contract: the last resort of the grammar, and right wherever it reads at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from stratforge.intent.exceptions import one_sided
from stratforge.intent.reading.meaning import Fact, Ways
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import Statement, statements_of
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.rules import Rule, RuleError, RuleKind, read_rule

from simulators.gemini.author.wording import Wording

_LEADS = {"buy": "buy when", "only": "buy only when", "both": "buy only when", "sell": "sell when"}


def written_strictly(request: str) -> dict[str, Any] | None:
    """The parts of an answer to a single request, where every word of it is read strictly; None elsewhere."""
    symbols = Wording(request).symbols
    symbol = symbols[0] if symbols else "AAPL"
    read = statements_of(request, symbol)
    if len(symbols) > 1 or not read or any(not each.kind or each.end - each.start > 600 for each in read):
        return None
    if not any(each.kind == "buy" for each in read):
        read = [_entry(each) for each in read]
    texts = [[_UNSAID.sub("", text) for text in _rules(each)] for each in read]
    try:
        rules = [read_rule(text) for of_it in texts for text in of_it]
        code = reference_strategy(rules).source
    except RuleError:
        return None
    code, constants = _with_constants(code)
    requirements = [
        {
            "quote": request[each.start : each.end],
            "meaning": "; ".join(in_words(read_rule(text)) for text in of_it) or "nothing more",
            "status": "covered",
            "rules": of_it,
            "lines": list(range(1, len(code.split("\n")))),
        }
        for each, of_it in zip(read, texts, strict=True)
    ]
    if symbols:
        requirements[0]["rules"] = [f"symbol {symbol}", *requirements[0]["rules"]]
    said = [in_words(each) for each in rules]
    return {
        "symbol": symbol,
        "python_code": code,
        "requirements": requirements,
        "logic_explanation": f"It will {'; '.join(said)}. [Written offline by fixed rules, without a language model.]"[:3_000],
        "parameters": [{"name": name, "value": value, "meaning": f"a number of: {'; '.join(said)}"[:300]} for name, value in constants.items()],
        "assumptions": [*_assumed(rules, symbols), *read_alone([request], rules)],
        "name": f"{symbol} by {'the clock' if 'minute' in code and 'ta.' not in code else 'rules'}",
    }  # fmt: skip


def _entry(each: Statement) -> Statement:
    """“Only buy when …”, where nothing else is said of buying."""
    return replace(each, kind="buy") if each.kind == "only" else each


def _assumed(rules: list[Rule], symbols: list[str]) -> Iterator[str]:
    if not any(each.kind is RuleKind.SIZE for each in rules):
        yield "No size was given: the session's sizing rule decides."
    if not symbols:
        yield "No symbol was named: AAPL is used."


def read_alone(requests: Sequence[str], rules: Sequence[Rule]) -> Iterator[str]:
    """The sentences that tell a person of which one side words were read that name none."""
    for words, side in one_sided(requests, rules):
        does, goes_on = ("selling", "buys") if side is RuleKind.SELL else ("buying", "sells")
        yield f"“{words}” is read of {does} alone: it {goes_on} then all the same."


def _rules(statement: Statement) -> Iterator[str]:
    if statement.readings:
        lead = f"sell {statement.value:g}% when" if statement.kind == "part" else _LEADS[statement.kind]
        yield f"{lead} {_condition(statement.readings[0])}"
    for kind, value, unit in statement.settings:
        yield Rule(RuleKind(kind), value=value, unit=unit).text


def _condition(ways: Ways) -> str:
    texts = sorted(" and ".join(sorted(map(_fact, way))) for way in ways)
    return texts[0] if len(texts) == 1 else " or ".join(f"({each})" for each in texts)


def _fact(fact: Fact) -> str:
    match fact:
        case ("days", *days):
            text = " or ".join(f"weekday == {each}" for each in days)
            return f"({text})" if len(days) > 1 else text
        case ("not", tuple(denied)):
            return f"not ({_fact(denied)})"
        case ("for", float(bars), frozenset(ways)):
            return f"for_bars({bars:g}, {_condition(ways)})"
        case ("crosses", left, sign, right):
            return f"crosses_{'above' if sign == '>' else 'below'}({left}, {right})"
    return " ".join(map(str, fact))


# Parameters that nobody speaks of, at their defaults.
_UNSAID = re.compile(r", (?:scalar=100|drift=1|offset=0|ddof=0|talib=\w+)(?=[,)])")


def _with_constants(code: str) -> tuple[str, dict[str, float]]:
    """The code with its levels and lengths as named constants, which a person can tune."""
    tree = ast.parse(code)
    places = dict[tuple[int, int, int], tuple[str, float]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "bar.time" in ast.unparse(node):
            continue
        named = [(each, "LEVEL") for each in node.comparators] if isinstance(node, ast.Compare) else [(each.value, str(each.arg).upper()) for each in node.keywords] if isinstance(node, ast.Call) else []  # fmt: skip
        for each, name in named:
            if isinstance(each, ast.Constant) and isinstance(each.value, int | float) and each.value not in (0, 1):
                places[each.lineno, each.col_offset, each.end_col_offset or 0] = name, float(each.value)
    lines = code.split("\n")
    names = dict[tuple[str, float], str]()
    for name, value in places.values():
        taken = sum(one == name for one, _ in names)
        names.setdefault((name, value), name if not taken else f"{name}_{taken + 1}")
    for (line, start, end), key in sorted(places.items(), reverse=True):
        lines[line - 1] = f"{lines[line - 1][:start]}{names[key]}{lines[line - 1][end:]}"
    constants = {name: value for (_, value), name in names.items()}
    head = "".join(f"{name} = {value:.10g}\n" for name, value in constants.items())
    return head + ("\n\n" if head else "") + "\n".join(lines), constants
