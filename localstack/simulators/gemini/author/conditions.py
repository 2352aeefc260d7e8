"""Conditions, and what joins them: “and”, “or”, “unless”, “not”, “for three bars”."""

from __future__ import annotations

import re

from simulators.gemini.author.comparisons import anaphora, comparison, first_close
from simulators.gemini.author.draft import BUY, SELL, WHEN, only_time
from simulators.gemini.author.lines import band_words, macd_words, named_cross, pair_crossing
from simulators.gemini.author.moves import breakout, move, position_condition, streak
from simulators.gemini.author.phrases import AT_LEAST, AT_MOST, DOWN, IS, UP, Memory
from simulators.gemini.author.rules import Both, Compare, Condition, Either, Lasting, Not, Number, Turn, contrary
from simulators.gemini.author.scanner import BARS, DAY, N, Scanner, Unexpressible
from simulators.gemini.author.times import time_condition

_EXCEPTED = rf"(?:(?:on )?(?:every|each|any|all) (?:trading |week ?)?days? )?(?:unless|except(?:ing)?(?: when| if| on| for)?|(?:but|save|bar|barring|besides)(?: for| on)*(?= {DAY})|(?:other than|apart from|aside from|excluding|with the exception of)(?: on)?)"

_NOT_THAT = r"(?:it is )?not (?:the case )?(?:that|when|if)"


def condition(scan: Scanner, memory: Memory, *, joined: bool = True) -> Condition | None:
    """A condition with all that is joined to it.

    Raises:
        Unexpressible: if it is understood and the language cannot say it, or if its `and` and `or` can be read in two ways.
    """
    either = scan.take(r"either(?: when| if)?|(?:any|one) of(?: the following| these)?:?")
    denied = scan.sees(rf"(?:{_NOT_THAT}) ")
    first: Condition | None = _each_measured(scan, memory)
    if first is None:
        scan.take(r"both|all of(?: the following| these)?:?")
        first = _negated(scan, memory)
    if first is None:
        return None
    parts, words = [first], list[str]()
    while joined:
        at = scan.at
        # A comma before the next one is read with the word that joins it.
        match = scan.take(
            rf",? ?({_EXCEPTED})|,? ?(?:and (?:also|only if|if|when|while|at the same time|simultaneously)|as well as|and|while|but (?:in (?:both|either|all|any|each) cases? )?only (?:if|when|while)|but|when|if|after(?! {DAY})|once|as long as|provid(?:ed|ing)(?: that)?|assuming(?: that)?|only if|only when|given(?: that)?|where|with)|,? ?(or if|or when|or once|or)|,"
        )
        if match is None:
            timed = time_condition(scan, memory)
            if timed is None:
                scan.at = at
                break
            scan.take("only")
            words.append("and")
            parts.append(timed)
            continue
        if (
            memory.position
            and match[0].strip() in ("and", "and also")
            and scan.sees(r"(?:also )?(?:at|by|around) (?:\d+|noon|the close)")
        ):
            raise Unexpressible(
                f"“{scan.text[at:].strip()[:40]}”: should it sell when both hold at once, or when either of them does?"
            )
        lead = scan.take(r"(?:only )?(?:if|when|while|the|that)(?= )") if not match[1] else None
        negated = bool(match[1]) or scan.sees(rf"(?:{_NOT_THAT}) ")
        try:
            following = (_excepted_time(scan, memory) if match[1] else None) or _negated(scan, memory)
        except Unexpressible:
            scan.at = at
            raise
        leads_on = re.search(r"\b(?:if|when|once|while)\b", f"{match[0]} {lead[0] if lead else ''}") and scan.sees(
            rf"(?:then )?(?:{BUY}|{SELL}) {WHEN}"
        )
        if following is None and match[0].strip() == "after" and (timed := _after_a_time(scan, memory, at)):
            # “RSI < 30 after 16:00 Berlin time”: “after” leads to the time, and joins nothing.
            words.append("and")
            parts.append(timed)
            continue
        if following is None or leads_on:
            # "…, but if it is Friday sell when …" begins the next rule.
            scan.at = at
            break
        if denied and not negated and match[2] is None:
            # “Unless A and B”: not both of them, and a part of it is not read alone.
            raise Unexpressible(
                f"“{match[0].strip(' ,') or 'and'} {following.words}”: is it excepted too, or has it to hold?"
            )
        denied = negated
        if match[1]:
            following = _none_of(scan, memory, following)
            memory.excepted += [following] if only_time(following) else []
        anew = match[2] is not None and match[2] != "or"
        words.append("or when" if anew else "or" if match[2] else "," if match[0].strip() == "," else "and")
        parts.append(following)
    if {"or when", "and"} <= set(words) and not either:
        return _alternatives(parts, words)
    words = ["or" if each == "or when" else each for each in words]
    joins = {each for each in words if each != ","}
    if len(joins) == 2 and not either:
        said = " … ".join(each.words for each in parts)
        raise Unexpressible(
            f"“and” and “or” stand together here ({said}), and it can be read in two ways. Please say it in two sentences, or with “either … or …”."
        )
    if not words:
        return first
    if either and len(joins) == 2:
        # "either a or b, and c": the alternatives come first.
        last = len(words) - 1 - words[::-1].index("or")
        return Both((Either(tuple(parts[: last + 2])), *parts[last + 2 :]))
    return Either(tuple(parts)) if "or" in joins else Both(tuple(parts))


def _after_a_time(scan: Scanner, memory: Memory, at: int) -> Condition | None:
    """A time from which on, with nothing that begins a rule of its own behind it."""
    scan.at = at
    found = time_condition(scan, memory)
    if found is None or scan.sees(rf",? ?(?:then )?(?:{BUY}|{SELL})"):
        scan.at = at
        return None
    return found


def _each_measured(scan: Scanner, memory: Memory) -> Condition | None:
    """“Both are above 70”, “they are above 70”, of two or more oscillators that were compared before."""
    at = scan.at
    match = scan.take(
        rf"(?:both(?: of them| indicators| oscillators)?|they(?: both)?|all(?: of them| three| two)?|each of them)(?: (?:{IS}))* ({UP}|{DOWN}|{AT_LEAST}|{AT_MOST}) {N}(?! ?(?:%|dollars|bars?|minutes?))"
    )
    if match is None or len(memory.measured) < 2 or ("both" in match[0] and len(memory.measured) != 2):
        scan.at = at
        return None
    said = match[1].strip()
    op = (
        ">="
        if re.fullmatch(AT_LEAST, said)
        else "<="
        if re.fullmatch(AT_MOST, said)
        else ">"
        if re.fullmatch(UP, said)
        else "<"
    )
    return Both(tuple(Compare(each, op, Number(float(match[2]))) for each in memory.measured))  # type: ignore[arg-type]


def _excepted_time(scan: Scanner, memory: Memory) -> Condition | None:
    """A time that is excepted: “before 10:00” is before it, whatever is sold by then."""
    at, position = scan.at, memory.position
    memory.position = False
    found = time_condition(scan, memory)
    memory.position = position
    if found is None:
        scan.at = at
    return found


def _none_of(scan: Scanner, memory: Memory, first: Condition) -> Condition:
    """“Unless a or b”: neither of them."""
    parts = [first]
    while True:
        at = scan.at
        following = None
        if scan.take(r"or(?: if| when| on)?"):
            following = _excepted_time(scan, memory) or _negated(scan, memory)
        elif only_time(first) and scan.take(r"and(?: on)?"):
            following = _excepted_time(scan, memory)
        if following is None:
            scan.at = at
            break
        parts.append(following)
    denied = tuple(contrary(each) if isinstance(each, Compare) else Not(each) for each in parts)
    return denied[0] if len(denied) == 1 else Both(denied)


def _alternatives(parts: list[Condition], words: list[str]) -> Condition:
    """“When a and b, or when c”: each “or when” begins anew. What is joined to the last one may be meant for all."""
    groups: list[tuple[list[Condition], list[str]]] = [([parts[0]], [])]
    for word, part in zip(words, parts[1:], strict=True):
        if word == "or when":
            groups.append(([part], []))
        else:
            groups[-1][0].append(part)
            groups[-1][1].append(word)
    if groups[-1][1] or any({"and", "or"} <= set(joins) for _, joins in groups):
        raise Unexpressible(
            "“and” and “or” stand together here, and it can be read in two ways. Please say it in two sentences."
        )
    made = (
        of_it[0] if len(of_it) == 1 else Either(tuple(of_it)) if "or" in joins else Both(tuple(of_it))
        for of_it, joins in groups
    )
    return Either(tuple(made))


def _negated(scan: Scanner, memory: Memory) -> Condition | None:
    at = scan.at
    if scan.take(r"\("):
        found = condition(scan, memory)
        if found is not None and scan.take(r"\)"):
            return found
        scan.at = at
        return None
    if scan.take(_NOT_THAT):
        found = _lasting(scan, memory)
        if found is not None:
            return contrary(found) if isinstance(found, Compare) else Not(found)
        scan.at = at
    return _lasting(scan, memory)


def _lasting(scan: Scanner, memory: Memory) -> Condition | None:
    found = _simple(scan, memory)
    if found is None:
        return None
    at = scan.at
    match = scan.take(
        rf"for (?:at least )?(?:the )?(?:last |past )?{N} (?:consecutive |straight |successive )?({BARS}|hours?|closes|times)(?: in a row| straight| running)?|{N} ({BARS}|times|closes) (?:in a row|straight|running)"
    )
    if match and isinstance(found, Compare | Turn):
        count = float(match[1] or match[3])
        return Lasting(found, count * 60 if (match[2] or "").startswith("h") else count)
    scan.at = at
    return found


def _simple(scan: Scanner, memory: Memory) -> Condition | None:
    for read in (
        time_condition,
        first_close,
        position_condition,
        streak,
        pair_crossing,
        macd_words,
        band_words,
        breakout,
        move,
        comparison,
        named_cross,
        anaphora,
    ):
        at = scan.at
        found = read(scan, memory)
        if found is not None:
            return found
        scan.at = at
    return None
