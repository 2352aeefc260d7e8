"""From what was read to the answer: a strategy with its requirements, questions that name what was not read, or a refusal that says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.gate import readings_to_tell, rules_of
from stratforge.intent.reading.doubts import not_understood
from stratforge.intent.reading.indices import taken_for_funds
from stratforge.intent.reading.languages import language_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.reading.unsure import several_of, unsure_in
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import RuleError, read_rule
from stratforge.intent.timeframes import mentions_in
from stratforge.intent.turns import plain_words
from stratforge.strategy import StrategyError, compile_strategy

from simulators.gemini.author.answers import naming_clauses, options, restated, say_anew, with_answers
from simulators.gemini.author.averages import asked_of_days, looks_at_days
from simulators.gemini.author.clocks import mended, of_moments
from simulators.gemini.author.conversations import asked_in, asked_of, doubts, findings_of, plainer, request_after
from simulators.gemini.author.draft import reverse_of
from simulators.gemini.author.formal import rule_text, setting_text
from simulators.gemini.author.naming import TITLES, name_of
from simulators.gemini.author.paraphrases import in_plain_words
from simulators.gemini.author.programs import Program, setting_lines, write_program
from simulators.gemini.author.questions import answer, lookups_of, subject_of
from simulators.gemini.author.rotations import rotation_answer
from simulators.gemini.author.rules import (
    Held,
    Plan,
    Result,
    Rule,
    TimeOfDay,
    Trail,
    Weekdays,
    clock,
    nodes,
    plain,
)
from simulators.gemini.author.sentences import ALL_UNREAD, PART_UNREAD, bought_until
from simulators.gemini.author.standing import changed_by_rules, rules_that_stand, stays
from simulators.gemini.author.strict import NO_SYMBOL, list_told, read_alone, said_anew, written_strictly
from simulators.gemini.author.translation import in_english
from simulators.gemini.author.turns import WHOSE, Reading, read_turns
from simulators.gemini.author.usual import usual_numbers
from simulators.gemini.author.whose import ASKED_WHOSE, asked_whose, unread_beside
from simulators.gemini.author.wording import Wording

# Questions about what was asked for, however well its words are read; all others are about words that the first reading did not know.
_REAL = re.compile(
    r"cannot be traded here|is not traded here|at once, which never happens|buy and sell by the same rule|Stocks are not traded on|, which cannot be\. Which|needs a whole number of bars|bars are counted in whole numbers|outside the trading hours|Adding to a position|is not written offline|which can be neither|would be left on which it may act"
)


# A turn that says both when it buys and when it sells says everything once more.
_WHOLE = re.compile(r"^(?=.*\bbuy)(?=.*\bsell)", re.IGNORECASE | re.DOTALL)
# So does one that says it in other words.
_SAYS_BOTH = re.compile(r"^(?=.*\b(?:buy|enter|long))(?=.*\b(?:sell|exit|close))", re.IGNORECASE | re.DOTALL)
_WORDS = re.compile(r"\w+")
_FORGOTTEN = "was said before, and assumptions denies it"
# Changes that speak of two things at once, or of what “it” is.
_OF_TWO = re.compile(r"^\W*(?:use|make it|take|switch to)(?: the)? \d+ and \d+|\b(?:buy|sell|exit|enter) (?:when|if) it\b", re.IGNORECASE)  # fmt: skip


def write_answer(
    requests: Sequence[str],
    untradable: frozenset[str] = frozenset(),
    looked: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The answer to a conversation, as the response schema wants it.

    Args:
        requests: What the person said, turn by turn: the first request, answers to questions, changes.
        untradable: Symbols that were refused before.
        looked: What was looked up for the last turn, when it is a question; None when nothing was yet.
    """
    earlier = [each for each in requests[:-1] if subject_of(each) is None]
    if subject := subject_of(requests[-1]):
        return _answered(subject, requests[-1], earlier, untradable, looked)
    return deepcopy(_to_requests((*earlier, requests[-1]), untradable))


@lru_cache(64)
def _to_requests(requests: tuple[str, ...], untradable: frozenset[str]) -> dict[str, Any]:
    """The answer to turns that are requests; a turn is answered as often as another one after it needs it."""
    found = _of_requests(requests, untradable)
    if anew := _said_anew(requests, found, untradable):
        return anew
    if found["kind"] == "clarify" and len(requests) > 1:
        # An answer may leave another question open than the one that it answers.
        def asked(text: str) -> list[str]:
            answer = write_answer([text], untradable)
            return list(answer["questions"]) if answer["kind"] == "clarify" else []

        text = restated(requests, asked)
        found = {**found, "questions": asked(text)} if text and asked(text) else found
    return _asked_whose(requests, found, untradable) if found["kind"] == "clarify" else found


def _of_requests(requests: tuple[str, ...], untradable: frozenset[str]) -> dict[str, Any]:
    if rotation := rotation_answer(requests):
        universe = [each for one in rotation.get("requirements", ()) for rule in one["rules"] if rule.startswith("universe ") for each in re.findall(r"[^\s,]+", rule)[1:]]  # fmt: skip
        if asked := list(dict.fromkeys(taken_for_funds(universe, requests))):
            return _clarify("AAPL", asked)
        return {**_empty("", ""), **rotation}
    if len(requests) > 1 and (answered := with_answers(requests, lambda text: write_answer([text], untradable))):
        return answered
    if asked := _unsure(requests, untradable):
        return _clarify("AAPL", asked)
    try:
        found = mended(requests, _of_words(requests, untradable), lambda: _answers(requests, untradable))
    except RuleError as error:
        return _clarify("AAPL", [f"This was not understood, so nothing was written: {str(error)[:300]} Please say it in other words."])  # fmt: skip
    except StrategyError:
        # What the compiler says is about code.
        return _clarify("AAPL", ["This was not understood, so nothing was written: a number in it is none that can be counted with, such as a part of a bar. Please say it in other words."])  # fmt: skip
    if (
        len(requests) > 1
        and found["kind"] == "strategy"
        and re.search(r" instead of | (?:to|with|by|into) \d", requests[-1])
    ):
        standing = write_answer(requests[:-1], untradable)
        rules = rules_of([Requirement.model_validate(each) for each in standing["requirements"]])
        if asked := several_of(requests[-1], rules):
            return _clarify(found["symbol"], asked)
    if len(requests) > 1 and found["kind"] == "clarify":
        found["questions"] = plainer(requests, _answers(requests, untradable), found["questions"])
    if len(requests) > 1 and found["kind"] == "strategy" and (asked := doubts(requests, _answers(requests, untradable), found)):  # fmt: skip
        return _clarify(found["symbol"], asked)
    return found


def _asked_whose(requests: Sequence[str], found: dict[str, Any], untradable: frozenset[str]) -> dict[str, Any]:
    """A question with the request as it may be meant, where it was asked whose its conditions are, now or before."""
    before = write_answer(requests[:-1], untradable)["questions"] if len(requests) > 1 else []
    if WHOSE not in found["questions"] and not any(each == WHOSE or each.startswith(ASKED_WHOSE) for each in before):
        return found
    if asked := asked_whose(in_english(requests), _written_next(requests, untradable)):
        return {**found, "questions": [asked]}
    if found["questions"] == [WHOSE] and not language_of(requests[-1]) and (unread := unread_beside(requests[-1])):
        return {**found, "questions": [unread]}
    return found


def _written_next(requests: Sequence[str], untradable: frozenset[str]) -> Callable[[str], bool]:
    """Tells of a text whether it would be a strategy of several symbols if it were said next; of none while one stands."""
    request = request_after(requests, _answers(requests, untradable))
    earlier = (*request.earlier, request.text)

    def would(text: str) -> bool:
        asked = Request(text, whole=True, earlier=earlier)
        found = said_anew(asked) if request.before is None else None
        if found is None or found["symbol"] in untradable:
            return False
        draft = StrategyDraft.model_validate({**_empty("", ""), **found})
        return not review(draft, compile_strategy(draft.python_code), asked)

    return would


def _unsure(requests: Sequence[str], untradable: frozenset[str]) -> list[str]:
    """Questions about words of which no reading is sure, said since the strategy was last described as a whole."""
    whole = max((index for index, each in enumerate(requests) if _WHOLE.search(each)), default=0)
    found = [(at, turn, each) for at, turn in enumerate(requests) if at >= whole for each in unsure_in(turn.replace("’", "'"))]  # fmt: skip
    last = len(requests) - 1
    if any(at < last for at, _, _ in found):
        # What a strategy has answered since was asked and told.
        answered = next((count for count in range(last, 0, -1) if write_answer(requests[:count], untradable)["python_code"]), 0)  # fmt: skip
        found = [each for each in found if each[0] >= answered]
    return [
        not_understood(
            each.words,
            each.asks
            + (
                say_anew()
                if _is_read(requests[at + 1 :])
                else options(turn, each, partial(_leads_on, tuple(requests[:at]), each.words, untradable))
            ),
        )
        for at, turn, each in found
    ]


def _leads_on(before: tuple[str, ...], words: str, untradable: frozenset[str], text: str) -> bool:
    """Whether a text that is said in the place of a turn is a strategy, or leaves another question than that about its words."""
    found = write_answer([*before, text], untradable)
    return found["kind"] == "strategy" or not any(each.startswith((PART_UNREAD, ALL_UNREAD, f"“{words}” was not")) for each in found["questions"])  # fmt: skip


def _is_read(later: Sequence[str]) -> bool:
    """Whether turns say something of their own, which a reply that says an earlier turn anew would leave out."""
    read = [statements_of(each) for each in later]
    return any(of_it and all(each.kind for each in of_it) for of_it in read)


def _of_words(requests: Sequence[str], untradable: frozenset[str]) -> dict[str, Any]:
    english = in_english(requests)
    found = _written(requests, english, untradable)
    if (whole := of_moments(requests, found, lambda: _answers(requests, untradable)))["kind"] == "strategy":
        found = whole
    plainer = [in_plain_words(each) for each in english]
    doubted: dict[str, Any] | None = None
    # What is not understood, or not as it was meant, is said in plain words and read again: the contract is with the words that were said.
    if found["kind"] == "clarify" and plainer != english:
        other = _written(requests, plainer, untradable)
        if other["kind"] == "strategy" and not _findings(requests, other, untradable):
            return other
        if other["kind"] == "strategy" and len(requests) > 1:
            doubted = other
    if (
        len(requests) > 1
        and _OF_TWO.search(requests[-1])
        and (changed := _amended(requests, {"kind": "clarify"}, untradable))
    ):
        return changed
    written = _read_strictly(requests, found) or _amended(requests, found, untradable) or doubted or found  # fmt: skip
    return written if len(requests) > 1 else naming_clauses(requests[0], written)


def _read_strictly(requests: Sequence[str], found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer by the strict reading, where it says more plainly what was asked for, a question where what was written does not surely say it; None where it does."""
    # What was asked for a reason stays a question; only what was not understood is read once more.
    lost = found["kind"] == "clarify" and not any(_REAL.search(each) for each in found["questions"])
    written = found["kind"] == "strategy"
    if len(requests) > 1 or not (lost or written):
        return None
    findings = _findings(requests, found) if written else []
    if not (lost or findings or _told(requests[0], found)):
        return None
    return _strictly(requests, lost=lost) or (_clarify(found["symbol"], asked_of(requests[0], findings)) if findings else None)  # fmt: skip


def _strictly(requests: Sequence[str], *, lost: bool) -> dict[str, Any] | None:
    strict = written_strictly(requests[0])
    if strict is None:
        return None
    whole = {**_empty("", ""), **strict, "plan": strict["logic_explanation"][:2_000]}
    if lost and any(" is read as " in each for each in strict["assumptions"]):
        # What was completed is told in the words of the product.
        wanted = [Requirement.model_validate(each) for each in whole["requirements"]]
        whole["assumptions"] += readings_to_tell(requests[0], wanted, whole["assumptions"], symbol=whole["symbol"])[0]
    if (bounded := mended(requests, whole)) is not whole:
        return None if bounded["kind"] == "strategy" and _findings(requests, bounded) else bounded
    return None if _told(requests[0], whole) or _findings(requests, whole) else whole


def _said_anew(requests: Sequence[str], found: Mapping[str, Any], untradable: frozenset[str]) -> dict[str, Any] | None:
    """The answer to a whole strategy that is said once more, after words of it were asked about."""
    if len(requests) < 2 or found["kind"] != "clarify" or untradable.intersection(Wording(requests[-1]).symbols):
        return None
    request = request_after(requests, _answers(requests, untradable))
    if any(mentions_in(turn) and {*_WORDS.findall(plain_words(request.text))} <= {*_WORDS.findall(plain_words(turn))} for turn in request.earlier):  # fmt: skip
        # Only its bars are said otherwise: the same words would be quoted of both turns.
        return None
    anew = said_anew(request)
    if anew is None or not (_SAYS_BOTH.search(requests[-1]) or "bars.of(" in anew["python_code"]):
        return None
    whole = {**_empty("", ""), **anew}
    findings = _findings(requests, whole, untradable)
    # What was said before and is not said anew is asked for.
    forgotten = [each for each in asked_in(findings) if _FORGOTTEN in each]
    return _clarify(whole["symbol"], forgotten) if forgotten else None if findings else whole


def _amended(requests: Sequence[str], found: dict[str, Any], untradable: frozenset[str]) -> dict[str, Any] | None:
    """The answer to a change, made on the rules that stand, where the grammar did not understand it or another strategy stands than it thinks."""
    if len(requests) < 2 or found["kind"] not in ("strategy", "clarify"):
        return None
    standing = write_answer(requests[:-1], untradable)
    if standing["kind"] != "strategy" or not standing["python_code"]:
        return None
    request = Request(requests[-1], whole=False, before=tuple(rules_that_stand(standing)), traded=standing["symbol"])
    if found["kind"] == "strategy":
        draft = StrategyDraft.model_validate(found)
        if not review(draft, compile_strategy(draft.python_code), request):
            return None
    changed = changed_by_rules(standing, requests[-1:])
    return {**_empty("", ""), **changed} if changed else None


def _told(request: str, answer: Mapping[str, Any]) -> bool:
    """Whether a person has to be told how some of the words were read."""
    wanted = [Requirement.model_validate(each) for each in answer["requirements"]]
    taken, _ = readings_to_tell(request, wanted, answer["assumptions"], symbol=answer["symbol"])
    return any(each.startswith("“") and " is taken " in each for each in taken)


def _findings(
    requests: Sequence[str], answer: Mapping[str, Any], untradable: frozenset[str] = frozenset()
) -> list[str]:
    """What the words of the turns do not say as the answer does."""
    return findings_of(requests, _answers(requests, untradable), answer)


def _answers(requests: Sequence[str], untradable: frozenset[str]) -> list[dict[str, Any]]:
    """The answers to all turns but the last."""
    return [write_answer(requests[: index + 1], untradable) for index in range(len(requests) - 1)]


def _written(requests: Sequence[str], english: Sequence[str], untradable: frozenset[str]) -> dict[str, Any]:
    """The answer to what is asked for in `requests`, read from the same in English."""
    wordings = [Wording(each) for each in english]
    standing: Plan | None = None
    reading: Reading | None = None
    first = 0
    for index in range(len(wordings)):
        if reading is not None and reading.clear and not asked_of_days(reading.plan):
            standing, first = reading.plan, index
        reading = read_turns(standing, wordings[first : index + 1], reading if first < index else None, untradable)
    assert reading is not None
    plan, symbols = reading.plan, list(dict.fromkeys(symbol for symbol, _ in reading.plan.symbols))
    symbol = symbols[0] if symbols else "AAPL"
    if reading.refusals:
        return _decline(symbol, reading.refusals)
    asked = asked_of_days(plan)
    if reading.questions:
        return _clarify(symbol, [*filter(None, [asked]), *reading.questions])
    plan.rules = [replace(each, assumed=()) if each.assumed == ("only",) else each for each in plan.rules]
    before = _completed(standing) if standing else None
    # A stop that is added is one more way out: how it sells otherwise stays as it was decided for the person.
    beside = list[str]()
    if before and all(isinstance(each.condition, Result | Trail) for each in plan.of("exit")):
        decided = [each for each in before.of("exit") if each.assumed and each not in plan.rules]
        beside = [stays(in_words(read_rule(rule_text(each)))) for each in decided] if plan.of("exit") else []
        plan.rules += decided
    if any(isinstance(each, Weekdays) and not each.days for rule in plan.rules for each in nodes(rule.condition)):
        return _clarify(symbol, ["No day of the week would be left on which it may act. On which days should it?"])
    if asked:
        return _clarify(symbol, [asked])
    assumptions = [*_complete(plan), *reading.told, *_guards(plan, before), *beside]
    if not symbols:
        assumptions.append(NO_SYMBOL)
    if looks_at_days(plan):
        assumptions.append("Averages of days are of the exchange's days before today; everything else counts the bars on which it decides.")  # fmt: skip
    heard = " ".join(each.text for each in wordings) if len(wordings) > 1 else ""
    assumptions += usual_numbers(plan, reading.turns[0].text, heard)
    try:
        program = write_program(plan)
        if looks_at_days(plan):
            _ = compile_strategy(program.code).lookback
        return _strategy(plan, program, symbol, assumptions, reading, requests[first:], before)
    except StrategyError as error:
        return _clarify(
            symbol, [f"This was not written: {each.message}. {each.suggestion}." for each in error.findings]
        )
    except RuleError:
        return _clarify(symbol, ["This has more conditions than one rule can hold. Please leave some of them out."])


def _guards(plan: Plan, before: Plan | None) -> list[str]:
    """What is said of rules that forbid to buy from the time on at which it sells."""
    stood = before.rules if before else []
    late = {
        (each.minute, each.place, each.to_close)
        for rule in plan.of("exit")
        for each in nodes(rule.condition)
        if isinstance(each, TimeOfDay)
    }
    return [
        bought_until(each.condition.time if each.condition.to_close else clock(each.condition.there))
        for each in plan.of("filter")
        if isinstance(each.condition, TimeOfDay)
        and each.condition.until
        and (each.condition.minute, each.condition.place, each.condition.to_close) in late
        and each not in stood
    ]


def _completed(plan: Plan) -> Plan:
    """The plan as it was carried out, with what was decided for the person."""
    whole = replace(plan, rules=list(plan.rules))
    _complete(whole)
    return whole


def _complete(plan: Plan) -> list[str]:
    """Decides what the request left open, and says so."""
    assumptions = list(plan.assumptions)
    whole = [each for each in plan.of("exit") if each.part == 1]
    if not whole and plan.setting("target order", "trail order"):
        assumptions.append("No other rule for selling was given: it sells by the exits of its order alone.")
    elif not whole:
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


def _answered(
    subject: str,
    question: str,
    earlier: Sequence[str],
    untradable: frozenset[str],
    looked: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """A look at what is needed, and then the answer from it."""
    if subject != "strategy" and looked is None:
        return {**_empty("A question", "AAPL"), "kind": "look", "lookups": lookups_of(subject, question)}
    standing = write_answer(earlier, untradable) if earlier else {}
    return described(standing, subject, looked or [], question)


def described(
    standing: Mapping[str, Any], subject: str = "strategy", looked: Sequence[Mapping[str, Any]] = (), question: str = ""
) -> dict[str, Any]:
    """The answer to a question, about the strategy that stands unless something else was looked up."""
    told = str(standing.get("logic_explanation", ""))
    return {**_empty("An answer", "AAPL"), "kind": "answer", "answer": answer(subject, looked, told, question)}


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
    reading: Reading,
    requests: Sequence[str],
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
            *([f"It sells when {sells}."] if sells else []),
            *parts,
            *sizes,
            "[Written offline by fixed rules, without a language model.]",
        ]
    )
    requirements = _requirements(plan, program, symbol, reading, requests, before)
    standing = [
        read_rule(rule) for each in requirements for rule in each["rules"] if not rule.startswith(("drop ", "symbol "))
    ]
    told = [
        *assumptions,
        *(
            f"“{each['quote']}”: {each['meaning']}."
            for each in requirements
            if each["status"] == "assumed" and each["quote"]
        ),
        *reading.changes,
        *(list_told(requests[0]) if len(requests) == 1 else ()),
        *read_alone(requests, standing),
    ]
    wanted = [Requirement.model_validate(each) for each in requirements]
    taken, _ = readings_to_tell(requests[-1], wanted, told, symbol=symbol, earlier=requests[:-1])
    return {
        **_empty(name_of(plan, symbol), symbol),
        "plan": explanation[:2_000],
        "requirements": requirements,
        "python_code": program.code,
        "logic_explanation": explanation[:3_000],
        "parameters": [
            {"name": name, "value": value, "meaning": program.meanings[name][:300]}
            for name, value in program.constants.items()
        ],
        "assumptions": [*told, *taken],
    }


def _requirements(
    plan: Plan, program: Program, symbol: str, reading: Reading, requests: Sequence[str], before: Plan | None
) -> list[dict[str, Any]]:
    """What the open turns ask for, in the person's own words; what stood before is kept, and what nobody asked for is assumed.

    A request in another language, one that changes what is there, and one of several turns are quoted whole.
    """
    last = reading.turns[-1]
    pieces = [
        (rule.place, meaning, bool(assumed), rule_text(rule), lines)
        for rule, (_, meaning, assumed, lines) in zip(plan.rules, program.places, strict=True)
    ]
    pieces += [
        (each.place, each.words, False, setting_text(each), setting_lines(program, each)) for each in plan.settings
    ]
    stood = _rules_in(before) if before else []
    quoted_whole = last.original != requests[-1] or before is not None or len(requests) > 1
    found, now = list[dict[str, Any]](), list[tuple[tuple[int, int], dict[str, Any]]]()
    for place, meaning, assumed, rule, lines in pieces:
        piece = {"quote": "", "meaning": meaning[:600], "status": "assumed", "rules": [rule], "lines": lines}
        if rule in stood:
            found.append(piece | {"status": "kept"})
        elif place == (0, 0) and not before and rule not in reading.carried:
            found.append(piece)
        else:
            now.append((place, piece | {"status": "assumed" if assumed else "covered"}))
    if quoted_whole:
        of_now = {rule for _, piece in now for rule in piece["rules"]} | {each["rules"][0] for each in found}
        gone = [f"drop {each}" for each in stood if each not in of_now]
        traded = [f"symbol {symbol}"] if any(each.symbols for each in reading.turns) else []
        old = [piece for _, piece in now if reading.anew and piece["rules"][0] in reading.carried]
        whole = _joined([piece for _, piece in now if piece not in old] or [{"meaning": "", "rules": [], "lines": []}])
        lines = whole["lines"] or list(range(1, program.code.count("\n") + 1))
        meaning = (whole["meaning"] or "; ".join([*gone, *traded]))[:600]
        turn = {"meaning": meaning, "status": "covered", "rules": [*gone, *traded, *whole["rules"]], "lines": lines}
        wanted = [{"quote": each[:600], **turn} for each in requests]
        if reading.anew:
            for each in wanted[:-1]:
                each |= {"meaning": "read as it was said after that", "status": "assumed", "rules": [], "lines": []}
            if old:
                wanted[0] |= {**_joined(old), "quote": wanted[0]["quote"], "status": "assumed"}
        return [*wanted, *found]
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
                title.lower() in leading for title in TITLES.values()
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
