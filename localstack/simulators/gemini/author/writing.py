"""From what was read to the answer: a strategy with its requirements, questions that name what was not read, or a refusal that says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from simulators.gemini.author.formal import rule_text, setting_text
from simulators.gemini.author.limits import declined
from simulators.gemini.author.programs import Program, setting_lines, write_program
from simulators.gemini.author.proposals import proposals_for
from simulators.gemini.author.refinements import refined
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Cross,
    Held,
    Lasting,
    Number,
    Plan,
    Result,
    Rule,
    Series,
    TimeOfDay,
    Trail,
    Weekdays,
    clock,
    nodes,
    plain,
)
from simulators.gemini.author.statements import Reader, reverse_of
from simulators.gemini.author.translation import in_english
from simulators.gemini.author.wording import Wording

_WHICH_RULE = (
    "Which rule should decide when to buy? For example: the 10-bar average crosses above the 30-bar average, the RSI falls below 30, "
    "or the price breaks above its 20-bar high."
)
# Words that decide nothing where they are left over.
_HARMLESS = re.compile(
    r"(?:please|thanks|thank|you|hi|hello|hey|the|a|an|of|it|is|are|to|and|then|that|this|for|my|me|i|we|in|on|at|so|also|just|too|be|when|if|as|"
    r"strategy|trade|trades|trading|stock|stocks|price|prices|share|shares|position|market|simple|nice|good|great|bot|ok|okay|will|would|should|'s|"
    r"do|does|by|with|its|your|our|us|let|go|want|like|need|it|now|idea|rule|rules|signal|signals|based|using|use)"
)


def write_answer(requests: Sequence[str], untradable: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The answer to a conversation, as the response schema wants it.

    Args:
        requests: What the person said, turn by turn: the first request, answers to questions, changes.
        untradable: Symbols that were refused before.
    """
    english = [in_english(each) for each in requests]
    wordings = [Wording(each) for each in english]
    plan = Reader(wordings[0]).read()
    changes: list[str] = []
    before: Plan | None = None
    last = wordings[0]
    for wording in wordings[1:]:
        before = _completed(plan) if plan.of("entry") else None
        plan, said = refined(plan, wording)
        changes += said
        last = wording
    return _answer_to(plan, last, requests, wordings, untradable, changes, before)


def _answer_to(
    plan: Plan,
    last: Wording,
    requests: Sequence[str],
    wordings: Sequence[Wording],
    untradable: frozenset[str],
    changes: Sequence[str],
    before: Plan | None,
) -> dict[str, Any]:
    symbols = list(dict.fromkeys(symbol for symbol, _ in plan.symbols))
    whole = " . ".join(each.text for each in wordings)
    refusals = declined(whole)
    questions = [*plan.questions]
    if len(symbols) > 1:
        questions.append(f"A strategy trades one symbol, and {', '.join(symbols)} are named. Which one is it for?")
    questions += [f"{each} cannot be traded here. Which symbol should it be?" for each in symbols if each in untradable]
    unread = _unread(plan, last)
    symbol = symbols[0] if symbols else "AAPL"
    if refusals:
        return _decline(symbol, refusals)
    if not questions and unread and plan.of("entry"):
        words = ", ".join(f"“{each}”" for each in unread)
        questions.append(
            f"This part was not understood, so nothing was written: {words}. Please say it in other words, or leave it out."
        )
    questions += [*_contradictions(plan), *_impossible(plan)]
    if not plan.of("entry") and not questions:
        if unread:
            questions.append(f"This was not understood: {', '.join(f'“{each}”' for each in unread)}.")
        questions += proposals_for(whole, symbols) or [_WHICH_RULE]
    if questions:
        return _clarify(symbol, questions)
    plan.rules = [replace(each, assumed=()) if each.assumed == ("only",) else each for each in plan.rules]
    assumptions = _complete(plan)
    if not symbols:
        assumptions.append("No symbol was named: AAPL is used.")
    program = write_program(plan)
    return _strategy(plan, program, symbol, assumptions, last, requests, changes, before)


def _unread(plan: Plan, last: Wording) -> list[str]:
    found = []
    for begin, end in plan.unread:
        words = last.text[begin:end].split()
        if any(not _HARMLESS.fullmatch(each) and not re.fullmatch(r"[^\w$%]+", each) for each in words):
            found.append(last.quote(begin, end) or last.text[begin:end])
    return found


def _contradictions(plan: Plan) -> list[str]:
    """Conditions that never hold together, or that sell at once what they bought."""
    for entry in plan.of("entry"):
        if any(each.condition == entry.condition and each.part == 1 for each in plan.of("exit")):
            return [f"It would buy and sell by the same rule ({entry.condition.words}). When should it sell?"]
        weekend = [
            each for rule in (entry, *plan.of("filter")) for each in nodes(rule.condition) if isinstance(each, Weekdays)
        ]
        if any(min(each.days, default=0) > 4 for each in weekend) and not any(
            "/" in symbol for symbol, _ in plan.symbols
        ):
            return ["Stocks are not traded on Saturdays and Sundays, so this would never buy. Which days are meant?"]
    for rule in (*plan.of("entry"), *plan.of("exit")):
        together = [rule, *(plan.of("filter") if rule.kind == "entry" else [])]
        bounds = [
            part
            for each in together
            for part in (each.condition.parts if isinstance(each.condition, Both) else (each.condition,))
            if isinstance(part, Compare) and isinstance(part.right, Number)
        ]
        for one in bounds:
            for other in bounds:
                if (
                    one.left == other.left
                    and one.op in (">", ">=")
                    and other.op in ("<", "<=")
                    and isinstance(one.right, Number)
                    and isinstance(other.right, Number)
                    and one.right.value >= other.right.value
                ):
                    return [
                        f"The request asks that {one.words} and that {other.words} at once, which never happens. Which of the two is meant?"
                    ]
    return []


def _impossible(plan: Plan) -> list[str]:
    """Amounts, lengths and times that nothing can come of."""
    found = []
    for setting in plan.settings:
        if setting.value <= 0 or (setting.kind == "equity" and setting.value > 1):
            found.append(f"It was asked that {setting.words}, which cannot be. Which amount is meant?")
    coins = any("/" in symbol for symbol, _ in plan.symbols)
    for each in (each for rule in plan.rules for each in nodes(rule.condition)):
        if isinstance(each, Result | Trail) and (
            each.amount <= 0 or (each.unit == "%" and each.amount >= 100 and not getattr(each, "gain", False))
        ):
            found.append(f"It was asked to sell when {each.words}, which cannot be. Which amount is meant?")
        elif isinstance(each, Series) and any(
            length < 1 or length != int(length)
            for length, name in zip(each.parameters, each.names, strict=True)
            if name.endswith(("_LENGTH", "_BARS", "_FAST", "_SLOW", "_SIGNAL"))
        ):
            found.append(f"{each.words} needs a whole number of bars, at least one. Which is meant?")
        elif isinstance(each, Held | Lasting) and (each.bars < 1 or each.bars != int(each.bars)):
            found.append(f"It was asked that {each.words}, and bars are counted in whole numbers. How many are meant?")
        elif isinstance(each, TimeOfDay) and not coins and not 570 <= each.minute <= 960:
            found.append(
                f"{clock(each.minute)} New York time is outside the trading hours of stocks (9:30 to 16:00). Which time is meant?"
            )
    return list(dict.fromkeys(found))


def _completed(plan: Plan) -> Plan:
    """The plan as it was carried out, with what was decided for the person."""
    whole = replace(plan, rules=list(plan.rules))
    _complete(whole)
    return whole


def _complete(plan: Plan) -> list[str]:
    """Decides what the request left open, and says so."""
    assumptions = list(plan.assumptions)
    whole = [each for each in plan.of("exit") if each.part == 1]
    if not whole:
        reverse = reverse_of(plan.of("entry")[0].condition)
        if reverse is not None and not plan.of("exit"):
            plan.rules.append(Rule("exit", reverse, (0, 0), ("no rule for selling was given",)))
            assumptions.append(f"No rule for selling was given: it sells when {reverse.words}.")
        else:
            plan.rules.append(Rule("exit", Held(60), (0, 0), ("no rule for selling everything was given",)))
            assumptions.append(
                "No rule for selling everything was given: what is left is sold after 60 bars (an hour)."
            )
    if plan.setting("equity", "cash", "shares") is None:
        assumptions.append("No size was given: the session's sizing rule decides.")
    return assumptions


def _decline(symbol: str, reasons: list[str]) -> dict[str, Any]:
    return {**_empty("Not possible here", symbol), "kind": "decline", "questions": reasons}


def _clarify(symbol: str, questions: list[str]) -> dict[str, Any]:
    return {**_empty("Not written yet", symbol), "kind": "clarify", "questions": list(dict.fromkeys(questions))}


def _empty(name: str, symbol: str) -> dict[str, Any]:
    return {
        "kind": "strategy",
        "plan": "",
        "requirements": [],
        "questions": [],
        "name": name,
        "symbol": symbol,
        "python_code": "",
        "logic_explanation": "",
        "parameters": [],
        "assumptions": [],
    }


def _strategy(
    plan: Plan,
    program: Program,
    symbol: str,
    assumptions: list[str],
    last: Wording,
    requests: Sequence[str],
    changes: Sequence[str],
    before: Plan | None,
) -> dict[str, Any]:
    entries = list(dict.fromkeys(each.condition.words for each in plan.of("entry")))
    buys = " or ".join(f"({each})" if len(entries) > 1 else each for each in entries)
    sells = "; or when ".join(dict.fromkeys(each.condition.words for each in plan.of("exit") if each.part == 1))
    parts = [
        f"It sells {plain(round(each.part * 100, 2))} % of the position once when {each.condition.words}."
        for each in plan.of("exit")
        if each.part != 1
    ]
    only = [f"It buys only when {each.condition.words}." for each in plan.of("filter")]
    sizes = [each.words[0].upper() + each.words[1:] + "." for each in plan.settings]
    explanation = " ".join(
        [
            f"It buys when {buys}.",
            *dict.fromkeys(only),
            f"It sells when {sells}.",
            *parts,
            *sizes,
            "[Written offline by fixed rules, without a language model.]",
        ]
    )
    requirements = _requirements(plan, program, symbol, last, requests[-1], before)
    assumptions = [*assumptions, *_usual_numbers(plan, last)]
    return {
        **_empty(_name(plan, symbol), symbol),
        "plan": explanation,
        "requirements": requirements,
        "python_code": program.code,
        "logic_explanation": explanation,
        "parameters": [
            {"name": name, "value": value, "meaning": program.meanings[name][:300]}
            for name, value in program.constants.items()
        ],
        "assumptions": [
            *assumptions,
            *(
                f"“{each['quote']}”: {each['meaning']}."
                for each in requirements
                if each["status"] == "assumed" and each["quote"]
            ),
            *changes,
        ],
    }


def _requirements(
    plan: Plan, program: Program, symbol: str, last: Wording, request: str, before: Plan | None
) -> list[dict[str, Any]]:
    """What the last request asks for, in the person's own words; what stood before is kept, and what nobody asked for is assumed.

    A request in another language, or one that changes what is there, is quoted whole.
    """
    pieces = [
        (rule.place, meaning, bool(assumed), rule_text(rule), lines)
        for rule, (_, meaning, assumed, lines) in zip(plan.rules, program.places, strict=True)
    ]
    pieces += [
        (each.place, each.words, False, setting_text(each), setting_lines(program, each)) for each in plan.settings
    ]
    stood = _rules_in(before) if before else []
    quoted_whole = last.original != request or before is not None
    found, now = list[dict[str, Any]](), list[tuple[tuple[int, int], dict[str, Any]]]()
    for place, meaning, assumed, rule, lines in pieces:
        piece = {"quote": "", "meaning": meaning[:600], "status": "assumed", "rules": [rule], "lines": lines}
        if rule in stood:
            found.append(piece | {"status": "kept"})
        elif place == (0, 0) and not before:
            found.append(piece)
        else:
            now.append((place, piece | {"status": "assumed" if assumed else "covered"}))
    if quoted_whole:
        of_now = {rule for _, piece in now for rule in piece["rules"]} | {each["rules"][0] for each in found}
        gone = [f"drop {each}" for each in stood if each not in of_now]
        traded = [f"symbol {symbol}"] if last.symbols else []
        whole = _joined([piece for _, piece in now] or [{"meaning": "", "rules": [], "lines": []}])
        lines = whole["lines"] or list(range(1, program.code.count("\n") + 1))
        meaning = (whole["meaning"] or "; ".join([*gone, *traded]))[:600]
        return [
            {
                "quote": request[:600],
                "meaning": meaning,
                "status": "covered",
                "rules": [*gone, *traded, *whole["rules"]],
                "lines": lines,
            },
            *found,
        ]
    now += [
        (
            place,
            {
                "quote": "",
                "meaning": f"it trades {symbol}",
                "status": "covered",
                "rules": [f"symbol {symbol}"],
                "lines": [],
            },
        )
        for _, place in plan.symbols
        if not any(start <= place[0] and place[1] <= end for (start, end), _ in now)
    ]
    return [*_quoted(sorted(now, key=lambda each: each[0]), last), *found]


def _quoted(pieces: list[tuple[tuple[int, int], dict[str, Any]]], last: Wording) -> list[dict[str, Any]]:
    """Each piece with the words it is read from; pieces read from the same words are one, and words in between go to what follows them.

    Where words before a symbol name an indicator ("follow the SuperTrend on AAPL: …"), the rule that comes next is read from them as well.
    """
    groups: list[tuple[int, int, list[dict[str, Any]]]] = []
    goes_on = False
    for (start, end), piece in pieces:
        joins, goes_on = goes_on, False
        if groups and (joins or start < groups[-1][1]):
            before = groups.pop()
            groups.append((before[0], max(before[1], end), [*before[2], piece]))
        else:
            begins = groups[-1][1] if groups else 0
            leading = last.text[begins:start].lower()
            goes_on = piece["rules"][0].startswith("symbol ") and any(
                title.lower() in leading for title in _TITLES.values()
            )
            groups.append((begins, end, [piece]))
    if groups:
        groups[-1] = (groups[-1][0], len(last.text), groups[-1][2])
    return [_joined(of_it) | {"quote": last.quote(start, end)[:600]} for start, end, of_it in groups]


def _joined(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Several pieces as one; one that is assumed makes all of it so."""
    return {
        "quote": "",
        "meaning": "; ".join(dict.fromkeys(each["meaning"] for each in pieces))[:600],
        "status": "assumed" if any(each.get("status") == "assumed" for each in pieces) else "covered",
        "rules": [rule for each in pieces for rule in each["rules"]],
        "lines": sorted({line for each in pieces for line in each["lines"]}),
    }


def _rules_in(plan: Plan) -> list[str]:
    return [*map(rule_text, plan.rules), *map(setting_text, plan.settings)]


def _usual_numbers(plan: Plan, last: Wording) -> list[str]:
    """Lengths and levels that were taken because they are usual: the request names the indicator and not its numbers."""
    found = dict[str, None]()
    for rule in plan.rules:
        numbers = {float(each) for each in re.findall(r"\d+(?:\.\d+)?", last.text[slice(*rule.place)])}
        for each in nodes(rule.condition):
            if isinstance(each, Series) and set(each.parameters) - numbers:
                found[f"The usual numbers are taken: {each.words}."] = None
            elif isinstance(each, Compare) and isinstance(each.right, Number):
                level = each.right.value
                if level in (each.left.levels or ()) and level not in numbers:
                    found[f"The usual level is taken: {each.words}."] = None
    return list(found)


_TITLES = {
    "sma": "average", "ema": "EMA", "wma": "WMA", "hma": "HMA", "rsi": "RSI", "macd": "MACD", "histogram": "MACD", "lower_band": "Bollinger", "upper_band": "Bollinger",
    "mid_band": "Bollinger", "highest_high": "breakout", "lowest_low": "channel", "vwap": "VWAP", "stoch": "stochastic", "stochrsi": "stochastic RSI", "cci": "CCI", "mfi": "MFI",
    "willr": "Williams %R", "adx": "ADX", "change": "move", "volume_average": "volume", "supertrend": "SuperTrend", "psar": "parabolic SAR",
}  # fmt: skip


def _name(plan: Plan, symbol: str) -> str:
    crossed = [each for rule in plan.of("entry") for each in nodes(rule.condition) if isinstance(each, Cross)]
    lines = {each.left.name for each in crossed} | {
        each.right.name for each in crossed if isinstance(each.right, Series)
    }
    titles = list[str]()
    for rule in plan.of("entry"):
        for each in nodes(rule.condition):
            title = _TITLES.get(each.name) if isinstance(each, Series) else None
            if title is not None and isinstance(each, Series):
                titles.append(
                    f"{title} cross" if each.name in lines and each.name in ("sma", "ema", "wma", "hma") else title
                )
    return f"{symbol} {' and '.join(dict.fromkeys(titles)) or 'by the clock'}"[:120]
