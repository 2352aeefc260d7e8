"""Changes made on the rules that stand, whoever wrote them: by the author's own grammar, or by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.gate import readings_to_tell, rules_of
from stratforge.intent.lexicon import SELLS
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import looks_at_another, read_rule
from stratforge.intent.spoken import in_english
from stratforge.market.resampling import TIMEFRAMES
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy import compile_strategy
from stratforge.strategy.constants import timeframe_of, with_timeframe

from simulators.gemini.author.amendments import amended
from simulators.gemini.author.rotations import changed_portfolio
from simulators.gemini.author.rules import clock
from simulators.gemini.author.sentences import bought_until, said_after
from simulators.gemini.author.strict import NO_SYMBOL, answer_by_rules, read_alone

# A sale by a time, by bars or by a condition; a stop or a target is one more way out.
_WAY_OUT = re.compile(r"sell when (?!(?:gain|drop)\w* [<>])")


_BY_THE_CLOCK = re.compile(r"sell when (?:minute >= (?P<minute>\d+)|minutes_to_close <= (?P<left>\d+))")


def stays(rule: str) -> str:
    """The sentence that tells a person that a sale that was decided for them holds beside what they say now."""
    return f"What was decided before, as nobody had said it, stays beside it: {rule}."


def _decided(standing: Mapping[str, Any]) -> list[str]:
    """The rules to sell by that nobody asked for."""
    rules = [(each["status"], each["quote"], text) for each in standing["requirements"] for text in each["rules"] if text.startswith("sell when ")]  # fmt: skip
    return [text for status, quote, text in rules if not quote and (status == "assumed" or stays(in_words(read_rule(text))) in standing["assumptions"])]  # fmt: skip


def rules_that_stand(standing: Mapping[str, Any]) -> list[str]:
    """The formal rules of an answer; none of one whose code came from elsewhere."""
    return rules_of([Requirement.model_validate(each) for each in standing["requirements"]])


def changed_by_rules(standing: Mapping[str, Any], turns: Sequence[str]) -> dict[str, Any] | None:
    """The parts of an answer that changes a strategy by its rules; None where the words are not understood as such a change.

    Args:
        standing: The answer that stands.
        turns: What the person said since; of several, those before the last were not understood.
    """
    before = rules_that_stand(standing)
    *lost, words = turns
    work = amended(before, words, standing["symbol"]) if before else None
    if work is None or (NO_SYMBOL in standing["assumptions"] and looks_at_another(work.added)):
        # Where nobody said what is traded, another symbol may be it.
        return None
    decided = [each for each in _decided(standing) if each in work.rules]
    if decided and any(map(_WAY_OUT.match, work.added)):
        # Who says when to sell takes back what was decided as nobody had said it.
        for each in decided:
            work.replace(each, None)
    late = [match for each in work.added if (match := _BY_THE_CLOCK.fullmatch(each))]
    guarded = bool(late and SELLS.search(words)) and not any(
        each.startswith(("buy only when minute <", "buy only when minutes_to_close >")) for each in work.rules
    )
    first = (
        min(late, key=lambda each: 960 - int(each["left"]) if each["left"] else int(each["minute"])) if late else None
    )
    if guarded and first:
        work.add(
            f"buy only when minutes_to_close > {first['left']}"
            if first["left"]
            else f"buy only when minute < {first['minute']}"
        )
    made = [*(f"drop {each}" for each in work.dropped), *work.added]
    said = "; ".join(in_words(read_rule(each)) for each in made)
    kept = [{"quote": "", "meaning": in_words(read_rule(each)), "status": "kept", "rules": [each]} for each in before if each not in work.dropped]  # fmt: skip
    not_read = [{"quote": each, "meaning": "not understood", "status": "unsupported", "rules": []} for each in lost]
    asked = {"quote": words.strip(" .,;!"), "meaning": said, "status": "covered", "rules": made}
    told = [each for each in map(in_english, standing["assumptions"]) if each.startswith("No ") and not each.startswith("No rule")]  # fmt: skip
    if any(each.startswith("size") for each in work.added):
        told = [each for each in told if not each.startswith("No size")]
    told += [said_after(each) for each in lost]
    told += [bought_until(f"{first['left']} minutes before the close" if first["left"] else clock(int(first["minute"])))] if guarded and first else []  # fmt: skip
    told += [stays(in_words(read_rule(each))) for each in decided if each in work.rules]
    told.append(f"Changed: {said}.")
    told += [f"It is gone: {each}." for each in work.dropped if each in decided or each.split(" when ")[0] not in [new.split(" when ")[0] for new in work.added]]  # fmt: skip
    told += read_alone([words], [read_rule(each) for each in work.rules])
    timeframe = timeframe_of(standing["python_code"])
    answer = answer_by_rules(work.rules, [*not_read, asked, *kept], standing["symbol"], told, TIMEFRAMES.get(timeframe or "", 1))  # fmt: skip
    if answer is None:
        return None
    source = with_timeframe(answer["python_code"], timeframe)
    wanted = [Requirement.model_validate(each) for each in answer["requirements"]]
    answer["assumptions"] += readings_to_tell(words, wanted, told, symbol=standing["symbol"], earlier=lost)[0]
    whole = {**answer, "python_code": source, "plan": answer["logic_explanation"][:2_000]}
    draft = StrategyDraft.model_validate(whole)
    request = Request(
        words, whole=False, before=tuple(before), earlier=tuple(lost), timeframe=timeframe, traded=standing["symbol"]
    )
    return None if review(draft, compile_strategy(source), request) else whole


def on_what_stands(standing: Mapping[str, Any], turns: Sequence[str]) -> dict[str, Any]:
    """The answer to a change of what the author did not write by itself, such as values that were set by hand: it is made on the rules that stand, or not at all."""
    empty = {"kind": "strategy", "questions": [], "parameters": [], "requirements": [], "assumptions": []}
    nothing = {"python_code": "", "logic_explanation": "", "plan": "", "name": "Not written yet"}
    if standing["symbol"] == PORTFOLIO and standing["requirements"]:
        return {**empty, **nothing, **changed_portfolio(standing, turns)}
    if found := changed_by_rules(standing, turns):
        return {**empty, **found}
    before = rules_that_stand(standing)
    stands = "; ".join(in_words(read_rule(each)) for each in before)
    asks = (
        f"“{turns[-1].strip()[:200]}” was not understood as a change of what stands ({stands[:400]}), so nothing was written. Please say in other words what should change."
        if before
        else "What stands was written by hand, and offline only what was asked for in words can be changed by words. Please change the code itself, or describe all of it as a new strategy."
    )
    return {**empty, **nothing, "symbol": standing["symbol"], "kind": "clarify", "questions": [asks]}
