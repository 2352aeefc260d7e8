"""Strategies written from the strict reading of the intent contract: the last resort of the grammar, and right wherever it reads at all."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from stratforge.ai.prompts import Request
from stratforge.intent.exceptions import one_sided
from stratforge.intent.gate import readings_to_tell
from stratforge.intent.losses import placed_stops
from stratforge.intent.reading.meaning import Fact, Ways, on_a_usual_day
from stratforge.intent.reading.registered import parameters_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import Statement, statements_of
from stratforge.intent.reading.unsure import unsure_in
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import CONTRARY, TURNED, Rule, RuleError, RuleKind, read_rule
from stratforge.intent.spelling import respelled
from stratforge.strategy.indicators import REGISTRY

from simulators.gemini.author.rules import clock
from simulators.gemini.author.sentences import bought_until, said_after
from simulators.gemini.author.wording import Wording

# A stop or a target without its unit.
_BARE = re.compile(r"\b(tp|sl|take profit|stop loss|stoploss|tsl)\s*:?\s*(\d{1,2}(?:\.\d+)?)(?=\s*(?:$|[,;\n]|\.(?:\s|$))|\s+(?:sl|tp|tsl|stop|target|take|and)\b)", re.IGNORECASE)  # fmt: skip
# Said where words name no symbol.
NO_SYMBOL = "No symbol was named: AAPL is used."
_LEADS = {"buy": "buy when", "only": "buy only when", "both": "buy only when", "sell": "sell when"}


def written_strictly(request: str) -> dict[str, Any] | None:
    """The parts of an answer to a single request, where every word of it is read strictly; None elsewhere."""
    # “MM200” is an average, and no symbol.
    wording = Wording(request)
    # “%K”, “the J line” are lines.
    symbols = [each for each in wording.symbols if not re.search(rf"\b{re.escape(each)}\d", request) and (each not in "BDJK" or f"${each}" in request)]  # fmt: skip
    spelled = respelled(request, wording.notes)
    percented = _BARE.sub(r"\1 \2%", request)
    bare = [f"“{each[0].strip()}” is read as {each[2]} %." for each in _BARE.finditer(request)]
    for text, notes in {request: list[str](), spelled: wording.notes, percented: bare}.items():
        for symbol in symbols or ["AAPL"]:
            # What is no name of a symbol, such as “ORB”, is not read where another one is it.
            read = statements_of(text, symbol)
            if read and all(each.kind and each.end - each.start <= 600 for each in read):
                quotes = list(_quotes(request, text, read))
                return _answer(request, read, quotes, symbol, notes, named=bool(symbols))
    return None


def said_anew(request: Request) -> dict[str, Any] | None:
    """The parts of an answer to a turn that says everything anew; those before it are told to be read so. None elsewhere."""
    found = written_strictly(request.text) if request.before is None else None
    if found is None:
        return None
    if len(request.text) <= 600:
        # Words that an earlier turn has too are quoted with what is said beside them here: whose a measure is was not plain there.
        said = [each for each in found["requirements"] if each["quote"]]
        whole = {
            "quote": request.text.strip(" .,;!\n"),
            "meaning": "; ".join(each["meaning"] for each in said)[:600],
            "status": "covered",
            "rules": [rule for each in said for rule in each["rules"]],
            "lines": said[0]["lines"],
        }
        found = {**found, "requirements": [whole, *(each for each in found["requirements"] if not each["quote"])]}
    before = [{"quote": each[:600], "meaning": "read as it was said after that", "status": "assumed", "rules": [], "lines": []} for each in request.earlier]  # fmt: skip
    # So are the words of theirs that were asked about.
    told = [said_after(each[:600]) for each in request.earlier]
    told += [said_after(each.words) for turn in request.earlier for each in unsure_in(turn.replace("’", "'"))]
    requirements, assumptions = [*before, *found["requirements"]], [*found["assumptions"], *told]
    wanted = [Requirement.model_validate(each) for each in requirements]
    assumptions += readings_to_tell(request.text, wanted, assumptions, symbol=found["symbol"], earlier=request.earlier)[0]  # fmt: skip
    return {**found, "requirements": requirements, "assumptions": assumptions}


def _answer(
    request: str, read: Sequence[Statement], quotes: list[str], symbol: str, notes: list[str], *, named: bool
) -> dict[str, Any] | None:
    if not any(each.kind == "buy" for each in read):
        read = [_entry(each) for each in read]
    # A stop and a gain of one number are said as what they are: a loss, and a gain.
    gains = {str(fact[2]).lstrip("-") for each in read if not each.orders for ways in each.readings[:1] for way in ways for fact in way if fact[0] == "gain"}  # fmt: skip
    read = [replace(each, orders=()) if each.orders and re.sub(r"^\D*|%$", "", each.orders[0]) in gains and each.readings else each for each in read]  # fmt: skip
    if any(
        unit.endswith(("loss", "losses", "losses in a row", "stop", "stops"))
        for each in read
        for _, _, unit in each.settings
    ):
        # How a stop within the bar went is not known; that of a sale is.
        if any(each.orders and not each.orders[0].startswith("take profit") for each in read):
            notes = [
                *notes,
                "Its stop is looked at when a bar closes: only so it is known whether a sale was one of a loss.",
            ]
        read = [replace(each, orders=()) if each.orders and not each.orders[0].startswith("take profit") else each for each in read]  # fmt: skip
    texts = [[_UNSAID.sub("", text) for text in _rules(each)] for each in read]
    late = _late(read)
    texts = [[*of_it, f"buy only when {late[0]} {late[1]} {late[2]}"] if late and _sells_at(each, late) else of_it for each, of_it in zip(read, texts, strict=True)]  # fmt: skip
    leave, left_open = _left_open(read)
    try:
        rules = [read_rule(text) for of_it in texts for text in of_it]
        rules += [read_rule(leave)] if leave else []
    except RuleError:
        return None
    requirements = [
        {
            "quote": quote,
            "meaning": "; ".join(in_words(read_rule(text)) for text in of_it) or "nothing more",
            "status": "covered",
            "rules": of_it,
        }
        for quote, of_it in zip(quotes, texts, strict=True)
    ]
    if leave:
        requirements.append({"quote": "", "meaning": in_words(read_rule(leave)), "status": "assumed", "rules": [leave]})  # fmt: skip
    if named:
        requirements[0]["rules"] = [f"symbol {symbol}", *requirements[0]["rules"]]
    assumptions = [
        *notes,
        *([left_open] if left_open else []),
        *([bought_until(_time(late))] if late else []),
        *_assumed(rules, named=named),
        *_usual(rules, request),
        *(["It does not buy while the stop would lie above the close."] if placed_stops(rules) else []),
        *list_told(request),
        *read_alone([request], rules),
    ]
    return answer_by_rules([each.text for each in rules], requirements, symbol, assumptions)


def _entry(each: Statement) -> Statement:
    """“Only buy when …”, where nothing else is said of buying."""
    return replace(each, kind="buy") if each.kind == "only" else each


def _quotes(request: str, spelled: str, read: Sequence[Statement]) -> Iterator[str]:
    """The request in one piece for each statement; what joins two belongs to the second.

    Args:
        spelled: The request as it was read, its words spelled as they are meant.
    """
    starts = [0]
    for one, other in itertools.pairwise(read):
        joint = re.search(r"\b(?:and|then|but)\b", spelled[one.end : other.start], re.IGNORECASE)
        starts.append(one.end + joint.start() if joint else other.start)
    words, meant = ([each.span() for each in re.finditer(r"\S+", text)] for text in (request, spelled))
    for start, end in itertools.pairwise([*starts, len(spelled)]):
        if request == spelled:
            yield _whole_words(request[start:end])
            continue
        inside = [place for place, (begin, stop) in zip(words, meant, strict=True) if begin < end and start < stop]
        yield _whole_words(request[inside[0][0] : inside[-1][1]]) if inside else ""


def _whole_words(text: str) -> str:
    """A piece of a request without what joins it to the next: signs, and the sign of the next item of a list."""
    plain = re.sub(
        r"(?:(?:^|\n)\s*\d{1,2}\.|(?:^|\n|[.;])\s*\(?\d{1,2}\)|(?:^|\n)\s*[-*•])\s*$", "", text.strip(" ,;\n")
    ).strip(" ,;\n")
    return plain if re.search(r"\b[ap]\.m\.$", plain) else plain.strip(" ,;.\n")


def _late(read: Sequence[Statement]) -> Fact | None:
    """That it is before the time from which on it sells every day, and need not buy; None where there is none, or where buying has hours of its own."""
    times = [fact for each in read if each.kind == "sell" for way in each.readings[0] if len(way) == 1 for fact in way if on_a_usual_day(fact)[:2] == ("minute", ">=")]  # fmt: skip
    bounded = any(fact[0] == "minute" and str(fact[1])[0] == "<" for each in read if each.kind in ("buy", "only", "both") for way in each.readings[0] for fact in map(on_a_usual_day, way))  # fmt: skip
    if bounded or not times:
        return None
    first = min(times, key=lambda fact: float(str(on_a_usual_day(fact)[2])))
    return first[0], CONTRARY[str(first[1])], first[2]


def _time(late: Fact) -> str:
    return f"{late[2]} minutes before the close" if late[0] == "minutes_to_close" else clock(int(str(late[2])))


def _sells_at(each: Statement, late: Fact) -> bool:
    return each.kind == "sell" and frozenset({(late[0], CONTRARY[str(late[1])], late[2])}) in each.readings[0]


def _left_open(read: Sequence[Statement]) -> tuple[str, str]:
    """The rule to sell by that is taken where none was said, and the sentence that says so."""
    if any(each.kind == "sell" for each in read):
        return "", ""
    ways = [way for each in read if each.kind == "buy" for way in each.readings[0]]
    facts = [fact for way in ways for fact in way]
    partly = any(each.kind == "part" for each in read)
    if len(ways) == 1 and not partly:
        crossings = [fact for fact in facts if fact[0] == "crosses"] or (facts if len(facts) == 1 and facts[0][0] not in ("days", "minute", "minutes_to_close", "for", "within", "not") else [])  # fmt: skip
        if len(crossings) == 1:
            fact = crossings[0]
            sign = str(fact[-2])
            other = {"<": ">", ">": "<"}[sign] if fact[0] == "crosses" else CONTRARY[sign]
            rule = _UNSAID.sub("", f"sell when {_fact((*fact[:-2], other, fact[-1]))}")
            return rule, f"No rule for selling was given: it will {in_words(read_rule(rule))}."
    return "sell when bars_held >= 60", "No rule for selling everything was given: what is left is sold after 60 bars (an hour)."  # fmt: skip


def _assumed(rules: list[Rule], *, named: bool) -> Iterator[str]:
    if not any(each.kind is RuleKind.SIZE for each in rules):
        yield "No size was given: the session's sizing rule decides."
    if not named:
        yield NO_SYMBOL


def _usual(rules: list[Rule], request: str) -> Iterator[str]:
    """The sentences that tell a person which lengths were taken because they are usual."""
    said = {float(each) for each in re.findall(r"\d+(?:\.\d+)?", request)}
    calls = [node for rule in rules for node in ast.walk(ast.parse(rule.text.partition(" when ")[2] or "0", mode="eval")) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REGISTRY]  # fmt: skip
    found = dict[str, None]()
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        spoken = {each.name for each in parameters_of(call.func.attr)}
        taken = [(str(each.arg), float(each.value.value)) for each in call.keywords if each.arg in spoken and isinstance(each.value, ast.Constant) and isinstance(each.value.value, int | float)]  # fmt: skip
        if taken and not all(number in said for _, number in taken):
            found[f"The usual numbers are taken: {call.func.attr.upper()} with {', '.join(f'{name} {number:g}' for name, number in taken)}."] = None  # fmt: skip
    yield from found


def list_told(request: str) -> Iterator[str]:
    """The sentence that tells a person how the items of a list are joined, where the items themselves say nothing of it; none elsewhere."""
    joined = re.search(r"^\s*(?:[-*•–]|\d[.)])\s+(?:and|or)\b", request, re.IGNORECASE | re.MULTILINE)
    if not joined and re.search(r"(?:^[ \t]*(?:[-*•–]|\d[.)])[ \t]+(?!.*\b(?:buy|sell)\b)[^\n]*(?:\n|$)){2}", request, re.IGNORECASE | re.MULTILINE):  # fmt: skip
        yield "Of a list all conditions have to hold for it to buy, and one of them is enough for it to sell."


def read_alone(requests: Sequence[str], rules: Sequence[Rule]) -> Iterator[str]:
    """The sentences that tell a person of which one side words were read that name none."""
    for words, side in one_sided(requests, rules):
        does, goes_on = ("selling", "buys") if side is RuleKind.SELL else ("buying", "sells")
        yield f"“{words}” is read of {does} alone: it {goes_on} then all the same."


def rules_of_statement(statement: Statement) -> list[str]:
    """Returns the formal rules of the intent contract that say what a statement says."""
    return [_UNSAID.sub("", each) for each in _rules(statement)]


def answer_by_rules(rules: Sequence[str], requirements: list[dict[str, Any]], symbol: str, assumptions: Sequence[str], minutes: int = 1) -> dict[str, Any] | None:  # fmt: skip
    """The parts of an answer whose strategy follows formal rules on bars of so many minutes; None where they are no strategy."""
    try:
        read = [read_rule(each) for each in rules]
        code, constants = named_constants(reference_strategy(read, minutes).source)
    except RuleError:
        return None
    lines = list(range(1, len(code.split("\n"))))
    said = [in_words(each) for each in read]
    return {
        "symbol": symbol,
        "python_code": code,
        "requirements": [{**each, "lines": lines} for each in requirements],
        "logic_explanation": f"It will {'; '.join(said)}. [Written offline by fixed rules, without a language model.]"[:3_000],
        "parameters": [{"name": name, "value": value, "meaning": f"a number of: {'; '.join(said)}"[:300]} for name, value in constants.items()],
        "assumptions": list(assumptions),
        "name": f"{symbol} by {'the clock' if 'minute' in code and 'ta.' not in code else 'rules'}",
    }  # fmt: skip


def _rules(statement: Statement) -> Iterator[str]:
    if statement.orders:
        yield statement.orders[0]
    elif statement.readings:
        lead = f"sell {statement.value:g}% when" if statement.kind == "part" else _LEADS[statement.kind]
        yield f"{lead} {_condition(statement.readings[0])}"
    for kind, value, unit in statement.settings:
        yield Rule(RuleKind(kind), value=value, unit=unit).text if value else kind


def _condition(ways: Ways) -> str:
    texts = sorted(" and ".join(sorted(map(_fact, way))) for way in ways)
    return texts[0] if len(texts) == 1 else " or ".join(f"({each})" for each in texts)


def _price_first(left: str, sign: str, right: str) -> tuple[str, str, str]:
    """A comparison as people say it: the price, or what is made of it, before what it is compared with."""
    first = ("close", "high", "low", "open", "gain_dollars", "drop_dollars", "volume")
    second = (*first, "day_open")
    # Another symbol's price is one, too.
    one, other = (re.sub(r"^bars\.of\('[^']+'\)\.", "", each) for each in (left, right))
    turned = (other in first and one not in first) or (other in second and one not in second)
    return (right, TURNED[sign], left) if turned else (left, sign, right)


def _short_first(left: str, sign: str, right: str) -> tuple[str, str, str]:
    """A crossing as people say it: the shorter average before the longer one, the line before its signal."""
    lengths = [float(found[1]) if (found := re.match(r"ta\.[seh]ma\(bars(?:\.of\('[^']+'\))?\.close, length=(\d+)", each)) else 0.0 for each in (left, right)]  # fmt: skip
    turned = lengths[0] > lengths[1] > 0 or (left.endswith(".signal") and not right.endswith(".signal"))
    return (right, TURNED[sign], left) if turned else (left, sign, right)


def _fact(fact: Fact) -> str:
    match fact:
        case ("days", *days):
            text = " or ".join(f"weekday == {each}" for each in days)
            return f"({text})" if len(days) > 1 else text
        case ("not", tuple(denied)):
            return f"not ({_fact(denied)})"
        case ("for", float(bars), frozenset(ways)):
            return f"for_bars({bars:g}, {_condition(ways)})"
        case ("within", float(bars), frozenset(ways)):
            return f"within_bars({bars:g}, {_condition(ways)})"
        case ("crosses", str(left), str(sign), str(right)):
            left, sign, right = _short_first(*_price_first(left, sign, right))
            return f"crosses_{'above' if sign == '>' else 'below'}({left}, {right})"
        case (str(left), str(sign), str(right)):
            return " ".join(_price_first(left, sign, right))
    return " ".join(map(str, fact))


# Parameters that nobody speaks of, at their defaults.
_UNSAID = re.compile(
    r", (?:scalar=1(?:00)?|drift=1|offset=0|ddof=[01]|talib=\w+|c=(?:0\.015|1|4)|sigma=6|distribution_offset=0\.85|a=0\.7|n[abc]=0\.[12]|fast_w=4|medium_w=2|slow_w=1|divisor=\d+|swma_length=4|atr_length=1|annualization=252|rvi_length=14)(?=[,)])"
)


def sale_text(comparison: str) -> str:
    """The rule of a sale by a comparison, as people say it."""
    match = re.fullmatch(r"(.+) ([<>]=?|==) (.+)", comparison)
    said = " ".join(_price_first(match[1], match[2], match[3])) if match else comparison
    return _UNSAID.sub("", f"sell when {said}")


def _level_name(left: ast.expr) -> str:
    """What the number is called that something is compared with."""
    said = ast.unparse(left)
    return "HOLD_BARS" if said == "position.bars_held" else "COUNT" if said.startswith("state") else "LEVEL"


def _measured(node: ast.AST) -> str:
    """Of which indicator, and of which symbol's bars, a length is."""
    if not isinstance(node, ast.Call):
        return ""
    symbols = re.findall(r"bars\.of\('([^']+)'\)", ast.unparse(node))
    return " ".join([ast.unparse(node.func), *symbols])


def named_constants(code: str) -> tuple[str, dict[str, float]]:
    """Returns code with its levels and lengths as named constants, which a person can tune, and these."""
    tree = ast.parse(code)
    places = dict[tuple[int, int, int], tuple[str, float, str]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "bar.time" in ast.unparse(node):
            continue
        named = [(each, _level_name(node.left)) for each in node.comparators] if isinstance(node, ast.Compare) else [(each.value, str(each.arg).upper()) for each in node.keywords] if isinstance(node, ast.Call) else []  # fmt: skip
        # Of one number that is compared with two things each has its own constant, so that who tunes one leaves the other.
        of = ast.unparse(node.left).replace("bar.previous.", "bar.") if isinstance(node, ast.Compare) else _measured(node)  # fmt: skip
        for each, name in named:
            if isinstance(each, ast.Constant) and isinstance(each.value, int | float) and each.value not in (0, 1):
                places[each.lineno, each.col_offset, each.end_col_offset or 0] = name, float(each.value), of
    lines = code.split("\n")
    names = dict[tuple[str, float, str], str]()
    for name, value, of in places.values():
        taken = sum(one == name for one, _, _ in names)
        names.setdefault((name, value, of), name if not taken else f"{name}_{taken + 1}")
    for (line, start, end), key in sorted(places.items(), reverse=True):
        lines[line - 1] = f"{lines[line - 1][:start]}{names[key]}{lines[line - 1][end:]}"
    constants = {name: value for (_, value, _), name in names.items()}
    head = "".join(f"{name} = {value:.10g}\n" for name, value in constants.items())
    return head + ("\n\n" if head else "") + "\n".join(lines), constants
