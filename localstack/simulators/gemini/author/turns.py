"""Several turns as one request: what was asked, answered by a question and asked on is read together until a strategy answers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stratforge.intent.reading.beside import compares_another, only_looked_at
from stratforge.intent.reading.tokens import tokens_of

from simulators.gemini.author.formal import rule_text, setting_text
from simulators.gemini.author.limits import declined
from simulators.gemini.author.proposals import proposals_for
from simulators.gemini.author.refinements import refined
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Held,
    Lasting,
    Number,
    Plan,
    Result,
    Series,
    TimeOfDay,
    Trail,
    Weekdays,
    nodes,
)
from simulators.gemini.author.sentences import WAS_READ_AS, all_unread, part_unread, said_after
from simulators.gemini.author.statements import Reader
from simulators.gemini.author.wording import Wording

# Asked where several symbols are named, one of which is only looked at.
WHOSE = (
    "Several symbols are named, and this was not understood as it stands: which of them is bought, whose each condition is, or what is asked of the other one. Please say the whole strategy "
    "once more, when it buys and when it sells, with the symbol that is bought behind “buy” and a symbol with every condition, for example: buy AAPL when SPY is above its 200 SMA and AAPL's RSI "
    "is below 30; sell when AAPL's RSI is above 60. The other symbol's price, volume and indicators over bars can be asked for, and its days where all of it is decided on daily bars."
)
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
_LEFT_OUT = re.compile(
    r"(?:(?:ok(?:ay)?|please|then|just|so|no|well) ?,? ?)*(?:leave|skip|drop|forget|ignore|remove|omit|never mind)(?: (?:it|that|this|them|those|these|about|part|words?|the|bit|condition|out|then|please|so))*(?: out)?[ .!]*"
    r"|(?:ok(?:ay)? )?without (?:it|that|this|them)[ .!]*"
)
_CHOICE = re.compile(
    r"(?:(?:i|take|choose|use|want|would|like|prefer|go|with|let us|please|the|number|option|no|idea|strategy) )*(?:(?P<n>[123])|(?P<word>first|second|third))(?: (?:one|option|idea|strategy|please))*[ .!)]*"
)
_ONLY_SYMBOL = re.compile(
    r"(?:(?:for|use|take|just|only|the|it|is|make|i|mean|meant|please|with|on|trade) )*@\S+(?: please| instead)?[ .!]*"
)
_BUYS = re.compile(r"\b(?:buys?|buying|enters?|go long|goes long|longs?|purchases?|invests?|entry)\b")


@dataclass
class Reading:
    """The plan that was read in the open turns, with what is left to ask.

    Attributes:
        turns: Their wordings.
        changes: What was changed of the strategy before, in words.
        refusals: Why it cannot be done.
        questions: What has to be asked.
        unread: The words that no rule of the grammar took.
        told: What the person has to know of how it was read.
        anew: The last turn says everything anew; what came before is read so.
        carried: Formal rules that an earlier one of the turns said.
    """

    plan: Plan
    turns: Sequence[Wording]
    changes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    anew: bool = False
    carried: frozenset[str] = frozenset()

    @property
    def clear(self) -> bool:
        """True when a strategy can be written."""
        return not self.refusals and not self.questions


def read_turns(
    standing: Plan | None, turns: Sequence[Wording], before: Reading | None, untradable: frozenset[str]
) -> Reading:
    """Reads the open turns together.

    Args:
        standing: The strategy that is to be changed; None when there is none yet.
        before: How the turns but the last were read, when there were any: they were answered by a question.
        untradable: Symbols that were refused before.
    """

    def read(wording: Wording, base: Plan | None = standing) -> Reading:
        plan, changes = (Reader(wording).read(), list[str]()) if base is None else refined(base, wording)
        return _judged(Reading(plan, turns, changes), wording, untradable)

    last = turns[-1]
    if before is None:
        return read(last)
    if before.unread and before.plan.of("entry") and _LEFT_OUT.fullmatch(last.text):
        left = replace(before.plan, questions=[], unread=[])
        words = ", ".join(f"“{each}”" for each in before.unread)
        return _judged(Reading(left, turns, before.changes, told=[f"Left out, as you say: {words}."]), last, untradable)
    chosen = _chosen(before, last)
    if chosen is not None:
        # It says nothing by itself: all of it is read into the words.
        picked = read(chosen)
        return replace(picked, anew=True, carried=_said(picked), told=[f"“{last.original}” is “{chosen.original}”."])
    beside = any(_looks_beside(each, each.symbols) for each in turns if len(each.symbols) > 1)
    if _ONLY_SYMBOL.fullmatch(last.text) and before.plan.of("entry") and not before.unread and not before.refusals and not beside:  # fmt: skip
        # Which one it is for.
        moved = replace(before.plan, symbols=Reader(last).read().symbols, questions=[], unread=[])
        asked = Reading(moved, turns, before.changes, told=[f"It is for {moved.symbols[0][0]} alone, as you say."])
        return replace(_judged(asked, last, untradable), anew=True, carried=_said(before))
    together = read(Wording(". ".join(each.original.rstrip(" .!?") for each in turns)))
    if together.clear:
        return together
    if before.plan.of("entry") and not before.refusals and (standing is not None or not before.unread):
        # What was read stands; what is said now changes it.
        answered = read(last, before.plan)
        if answered.clear:
            told = list(map(said_after, before.unread))
            return replace(
                answered,
                changes=[*before.changes, *answered.changes],
                carried=_said(before),
                told=[*answered.told, *told],
            )
    alone = read(last)
    # Without “buy” it is the rule to buy by only where such a rule was asked for.
    by_itself = not before.plan.of("entry") and not any("read as a price" in each for each in alone.plan.assumptions)
    if standing is None and alone.clear and (by_itself or _BUYS.search(last.text)):
        return replace(_with_the_rest(alone, before), anew=True)
    return together


def _chosen(before: Reading, last: Wording) -> Wording | None:
    """One of the strategies that were offered."""
    match = _CHOICE.fullmatch(last.text)
    offered = re.findall(r"[123]\. “([^”]+)”", " ".join(before.questions))
    if match is None or not offered:
        return None
    index = int(match["n"] or {"first": 1, "second": 2, "third": 3}[match["word"]]) - 1
    return Wording(offered[index]) if index < len(offered) else None


def _with_the_rest(anew: Reading, before: Reading) -> Reading:
    """What the turns before said of symbol, size, hours, stops, and what is not said anew, holds on."""
    plan, old = anew.plan, before.plan
    plan.symbols = plan.symbols or old.symbols
    kinds = {_group(each.kind) for each in plan.settings}
    kept = [each for each in old.settings if _group(each.kind) not in kinds]
    plan.settings += kept
    anew.carried |= set(map(setting_text, kept))
    for rule in old.rules:
        alike = [
            each
            for each in plan.rules
            if each.kind == rule.kind and type(each.condition) is type(rule.condition) and each.part == rule.part
        ]
        if not alike and (rule.kind == "filter" or isinstance(rule.condition, Result | Trail | Held | TimeOfDay)):
            plan.rules.append(rule)
            anew.carried |= {rule_text(rule)}
            anew.told.append(
                f"As said before: it {'buys only' if rule.kind == 'filter' else 'sells'} when {rule.condition.words}."
            )
    return anew


def _said(before: Reading) -> frozenset[str]:
    """The rules that the turns before said, rather than what was read into them."""
    said = [rule_text(each) for each in before.plan.rules if each.place != (0, 0) and not each.assumed]
    return before.carried | {*said, *map(setting_text, before.plan.settings)}


def _group(kind: str) -> str:
    return "size" if kind in ("equity", "cash", "shares") else kind


def _judged(reading: Reading, wording: Wording, untradable: frozenset[str]) -> Reading:
    """Adds to a reading what must be asked, or why it cannot be done."""
    plan = reading.plan
    symbols = list(dict.fromkeys(symbol for symbol, _ in plan.symbols))
    questions = [*plan.questions]
    if len(symbols) > 1 and _looks_beside(wording, symbols):
        # What does not exist is asked about first.
        questions += [] if untradable.intersection(symbols) else [WHOSE]
    elif len(symbols) > 1:
        questions.append(f"A strategy trades one symbol, and {', '.join(symbols)} are named. Which one is it for?")
    questions += [_not_traded(each, wording, symbols) for each in symbols if each in untradable]
    unread = _unread(plan, wording)
    if unread and any(WAS_READ_AS in each for each in questions):
        # Beside words that were not read, what stands around them was not said of what it was read of.
        questions = [each for each in questions if WAS_READ_AS not in each] or [part_unread(unread)]
    if not questions and unread and plan.of("entry"):
        questions.append(part_unread(unread))
    excluded = _contradictions(plan)
    if excluded and _AT_ONCE in excluded[0] and _said_apart(plan, wording):
        # What was read together was not said together: the words around it are what is not understood.
        excluded = [part_unread(unread or [wording.original.strip()[:300]])]
    questions += [*excluded, *_impossible(plan)]
    if not plan.of("entry") and not questions:
        if unread:
            questions.append(all_unread(unread))
        questions += proposals_for(wording.text, symbols) or [_WHICH_RULE]
    reading.refusals, reading.questions, reading.unread = declined(wording.text), questions, unread
    return reading


def _not_traded(symbol: str, wording: Wording, symbols: Sequence[str]) -> str:
    """Asks for another symbol in the place of one for which the broker takes no orders."""
    if len(symbols) == 1 or not _looks_beside(wording, symbols):
        return f"{symbol} cannot be traded here. Which symbol should it be?"
    if only_looked_at(tokens_of(wording.original, symbol)):
        return f"{symbol} is not traded here, so it cannot be looked at. Please describe all of it as a new strategy, with another symbol in its place."
    return f"{symbol} cannot be traded here. Please describe all of it as a new strategy, with another symbol in its place."


def _looks_beside(wording: Wording, symbols: Sequence[str]) -> bool:
    """Whether one of the symbols that are named is only looked at."""
    return any(compares_another(tokens_of(wording.original, each)) for each in symbols)


_AT_ONCE = "at once, which never happens"


def _said_apart(plan: Plan, wording: Wording) -> bool:
    """Whether a rule was read across the end of a sentence, or from buying to selling."""
    return any(re.search(r"[.;!?](?:\s|$)|\S.*\bsell\b", wording.text[slice(*each.place)]) for each in plan.rules)


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
            found.append(f"{each.time} is outside the trading hours of stocks (9:30 to 16:00). Which time is meant?")
    return list(dict.fromkeys(found))
