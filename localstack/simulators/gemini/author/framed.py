"""Strategies on longer bars: the words that name the bars are read by themselves, and the rest is written as a strategy of any bars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from stratforge.intent.clocks import days_told
from stratforge.intent.gate import rules_of
from stratforge.intent.reading.doubts import not_understood
from stratforge.intent.reading.said import in_words as rule_in_words
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import RuleError, read_rule
from stratforge.intent.timeframes import (
    MINUTE,
    Frame,
    Mention,
    Plainly,
    asked_of_spans,
    clock_findings,
    in_words,
    loose_in,
    mentions_in,
    plainly,
    read_frame,
)
from stratforge.intent.turns import spans_by_turn
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.constants import with_timeframe
from stratforge.strategy.findings import Code

from simulators.gemini.author.long_short import long_short_answer
from simulators.gemini.author.scanner import NO_BARS_NAMED, on_bars
from simulators.gemini.author.shorts import short_answer
from simulators.gemini.author.strict import NO_SYMBOL, answer_by_rules
from simulators.gemini.author.writing import write_answer as write_of_minutes

# What leads to the bars that are named: “use 5-minute bars”, “on the daily chart”.
_LEAD = re.compile(
    r"^.*?(?=\b(?:the |a )?(?:\d+|[a-z]+)[ -](?:minutes?|mins?|m|hours?|hrs?|h|days?|d)\b|\b(?:the |a )?(?:minute|hourly|daily)\b|\btime)",
    re.IGNORECASE,
)
_OF_A_MINUTE = re.compile(r" \((?:minutes|an hour)\)")
_NAMED = {"1d": "daily bars", "1h": "hourly bars", "4h": "4-hour bars"}
_NOTHING = re.compile(r"(?:\b(?:use|switch|change|make|it|to|put|run|trade|decide|now|instead|please|the|ok|okay|yes|yeah|no|i|mean|meant)\b|[\W\d_])*", re.IGNORECASE)  # fmt: skip


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
    short = short_answer(requests, lambda images: write_answer(images, untradable, looked))
    if short is not None:
        return short
    both = long_short_answer(requests, lambda images: write_of_minutes(images, untradable, looked))
    if both is not None:
        return both
    frame = read_frame(requests)
    if frame.timeframe is None and not frame.spoken:
        return _asked_of_bars(write_of_minutes(requests, untradable, looked), requests[-1])
    # What names its bars within a condition was asked about, and stays as it was asked about.
    taken = [[each for each in said if each.plain] for said in frame.said]
    plain = [plainly(turn, said, frame.timeframe) for turn, said in zip(requests, taken, strict=True)]
    said = [each.text for each in plain if not _NOTHING.fullmatch(each.text)]
    if not said:
        return write_of_minutes(requests, untradable, looked)
    found = write_of_minutes(said, untradable, looked)
    if found["kind"] != "strategy" or not found["python_code"] or found["symbol"] == "PORTFOLIO":
        # Its words were read as of bars of a minute.
        return {**found, "questions": [on_bars(each, in_words(frame.timeframe)) for each in found["questions"]]}
    nothing_more = _NOTHING.fullmatch(plain[-1].text) is not None
    open_from = _open_from(tuple(requests), untradable)
    if nothing_more and open_from:
        found = _kept(found)
    asks = [*frame.asks, *asked_of_spans([each.text for each in plain], Frame(frame.timeframe, tuple(() for _ in plain)))]  # fmt: skip
    wanted = [Requirement.model_validate(each) for each in found["requirements"]]
    by_clock = [each for each in map(read_rule, rules_of(wanted)) if any(clock_findings([each], frame))]
    if by_clock and not asks:
        said_so = rule_in_words(by_clock[0])
        asks.append(f"“{said_so}” looks at the time of day, and this decides on bars of {in_words(frame.timeframe)}. Leave the time out, or take bars of a minute?")  # fmt: skip
    if not asks and any("minute" in each.text for each in map(read_rule, rules_of(wanted))):
        found = _on_the_clock(found, TIMEFRAMES.get(frame.timeframe or MINUTE, 1))
    source = with_timeframe(found["python_code"], frame.timeframe)
    try:
        _ = compile_strategy(source).lookback
    except StrategyError as error:
        asks += [_looks_too_far(in_words(frame.timeframe)) if each.code is Code.UNBOUNDED else f"{each.message}. {each.suggestion}" for each in error.findings]  # fmt: skip
    if asks:
        return {**found, "kind": "clarify", "name": "Not written yet", "python_code": "", "plan": "", "logic_explanation": "", "requirements": [], "parameters": [], "assumptions": [], "questions": list(dict.fromkeys(asks))}  # fmt: skip
    return _on_its_bars(found, source, requests, plain, frame, open_from)


def _looks_too_far(bars: str) -> str:
    return f"On bars of {bars} its indicators need more history than is kept (512 of these bars). Should they be of fewer bars, or decide on shorter ones?"


def _on_the_clock(found: dict[str, Any], minutes: int) -> dict[str, Any]:
    """The answer with its times of day as those at which its bars end."""
    if minutes == 1:
        return found
    pieces = [{key: value for key, value in each.items() if key != "lines"} for each in found["requirements"]]
    rules = rules_of([Requirement.model_validate(each) for each in pieces])
    whole = answer_by_rules(rules, pieces, found["symbol"], [*found["assumptions"], "A time of day is that at which a bar ends."], minutes)  # fmt: skip
    if whole is None:
        raise RuleError("its rules are no strategy on these bars")
    return {**found, **whole, "plan": whole["logic_explanation"][:2_000]}


def _asked_of_bars(found: dict[str, Any], turn: str) -> dict[str, Any]:
    """The answer, where it asks about bars that are named within a condition, with how to name them for all of it."""
    named = [each for each in mentions_in(turn) if each.timeframe not in (None, MINUTE) and not each.plain]
    if found["kind"] != "clarify" or not (named or loose_in(turn)):
        return found
    if not named:
        return _asked_of_loose(found, loose_in(turn))
    asks = [
        not_understood(each.words, f"Should all of it decide on bars of {in_words(each.timeframe)}? Then say so at its beginning: “On {_LEAD.sub('', each.words, count=1)}, …”.")
        for each in named
    ]  # fmt: skip
    within = " ".join(each.words for each in named)
    quoted = [(each, re.findall(r"“([^”]+)”", each)) for each in found["questions"]]
    return {**found, "questions": [*asks, *(each for each, words in quoted if not words or any(one not in within for one in words))]}  # fmt: skip


def _asked_of_loose(found: dict[str, Any], loose: Sequence[Mention]) -> dict[str, Any]:
    """The answer, where words may name the bars of all of it: what says that none are named is not asked."""
    others = [each for each in found["questions"] if NO_BARS_NAMED not in each]
    lost = any(each.words.lower() in quoted.lower() for each in loose for question in others if "not understood" in question or "not surely" in question for quoted in re.findall(r"“([^”]+)”", question))  # fmt: skip
    if len(others) == len(found["questions"]) and not lost:
        return found
    asks = [
        not_understood(each.words, f"Should all of it decide on bars of {in_words(each.timeframe)}? Then say so at its beginning: “On {_NAMED.get(each.timeframe or '', each.words)}, …”.")
        for each in loose
    ]  # fmt: skip
    kept = [each for each in others if not all(any(one.words.lower() in quoted.lower() for one in loose) for quoted in re.findall(r"“([^”]+)”", each))]  # fmt: skip
    return {**found, "questions": [*dict.fromkeys(asks), *kept]}


@lru_cache(64)
def _open_from(requests: tuple[str, ...], untradable: frozenset[str]) -> int:
    """The first turn that no strategy has answered yet. Each turn before asks the same of those before it, so what was found is kept."""
    before = range(len(requests) - 1, 0, -1)
    return next((count for count in before if write_answer(requests[:count], untradable)["kind"] == "strategy"), 0)


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    """The answer where nothing but its bars changes."""
    rules = rules_of([Requirement.model_validate(each) for each in found["requirements"]])
    kept = [{"quote": "", "meaning": rule_in_words(read_rule(each)), "status": "kept", "rules": [each]} for each in rules]  # fmt: skip
    told = [each for each in found["assumptions"] if each.startswith("No ")]
    return {**found, "requirements": kept, "assumptions": told}


def _on_its_bars(
    found: Mapping[str, Any],
    source: str,
    requests: Sequence[str],
    plain: Sequence[Plainly],
    frame: Frame,
    open_from: int,
) -> dict[str, Any]:
    """The answer in the person's own words, and what it says of its bars."""
    requirements = [_quoting(each, requests, plain) for each in found["requirements"]]
    sentence = f"It decides on bars of {in_words(frame.timeframe)}."
    line = [number for number, text in enumerate(source.split("\n"), 1) if text.startswith("TIMEFRAME")] or [1]
    for mention in (each for said in frame.said[open_from:] for each in said):
        requirements.append(
            {"quote": mention.words, "meaning": sentence, "status": "covered", "rules": [], "lines": line}
        )
    told = [_OF_A_MINUTE.sub("", each) for each in found["assumptions"]]
    rules = [read_rule(each) for each in rules_of([Requirement.model_validate(each) for each in found["requirements"]])]
    days = days_told(rules, minutes=TIMEFRAMES.get(frame.timeframe or MINUTE, 1), around_the_clock="/" in found["symbol"])  # fmt: skip
    return {
        **found,
        "timeframe": frame.timeframe or MINUTE,
        "python_code": source,
        "requirements": [{**each, "meaning": _OF_A_MINUTE.sub("", each["meaning"])} for each in requirements],
        "logic_explanation": f"{_OF_A_MINUTE.sub('', found['logic_explanation'])} {sentence}",
        "assumptions": [*dict.fromkeys([*told, *days])],
    }


def _quoting(requirement: Mapping[str, Any], requests: Sequence[str], plain: Sequence[Plainly]) -> dict[str, Any]:
    """A requirement with the words as the person wrote them."""
    wanted = Requirement.model_validate(requirement)
    (places,) = spans_by_turn([each.text for each in plain], [wanted], [[]])
    for turn, text, spans in zip(requests, plain, places, strict=True):
        if spans:
            start, end = text.original(*spans[0])
            return {**requirement, "quote": turn[start:end]}
    return dict(requirement)


def traded_on(found: dict[str, Any], given: str | None) -> dict[str, Any]:
    """The answer for the symbol that is given beside the words, where they name none."""
    if given is None or NO_SYMBOL not in found["assumptions"]:
        return found
    told = [f"No symbol was named: {given} is used, as it is given." if each == NO_SYMBOL else each for each in found["assumptions"]]  # fmt: skip
    return {**found, "symbol": given, "assumptions": told}
