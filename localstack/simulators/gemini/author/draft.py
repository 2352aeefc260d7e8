"""The plan in the making, the words that are read into it, and the words for buying, selling and conditions."""

from __future__ import annotations

from typing import Literal

from simulators.gemini.author.phrases import Memory
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Cross,
    Either,
    Not,
    Plan,
    Rule,
    Series,
    TimeOfDay,
    Turn,
    Weekdays,
    contrary,
)
from simulators.gemini.author.scanner import DAY, Scanner
from simulators.gemini.author.series import CLOSE, channel
from simulators.gemini.author.wording import Wording

BUY = r"(?:in(?= when| if)|go(?:es)? all in(?= )|buys?|buying|enters?|entering|(?:go|goes|going|get|gets) long|get in|gets in|longs?|purchases?|purchasing|(?:open|take|start|initiate)s? (?:a |an )?(?:new )?(?:long )?(?:position|trade)s?|open long|entry|entries|invests?|acquires?|pick up|buy in|(?:get|gets|grab)(?: me| us)?(?= (?:some|@)))"
SELL = r"(?:(?:out|flat)(?= when| if| at)|sells?|selling|exits?|exiting|(?:get|gets|getting) out|close (?:out )?(?:it|the position|the trade|my position|positions?|everything|all|out|long)|closes? (?:the |my )?(?:position|trade)s?|close|liquidates?|(?:take|takes|taking) profits?|dump|unwind|bail(?: out)?|cash out|leaves?|flatten)"
WHEN = rf"(?:(?:only |but only |except |immediately |right |again )?(?:when(?:ever)?|if|once|as soon as|after(?! {DAY})|on|upon|at|while|as long as|every time|each time|any time|in case|the moment|where|for|following))"


class Draft:
    """A plan in the making, with the text that is read and what was spoken of."""

    def __init__(self, wording: Wording, memory: Memory | None = None) -> None:
        self.wording = wording
        self.scan = Scanner(wording.text)
        self.memory = memory or Memory()
        self.plan = Plan()
        self.reverse: Condition | None = None
        self.held_back: list[tuple[Condition, tuple[int, int]]] = []

    def rule(
        self, kind: Literal["entry", "exit", "filter"], found: Condition, begin: int, *assumed: str, part: float = 1.0
    ) -> None:
        """Adds a rule that was read from `begin` to where the scanner is; `part` is how much of the position it sells."""
        self.plan.rules.append(Rule(kind, found, (begin, self.scan.at), tuple(each for each in assumed if each), part))

    def bought(self, found: Condition) -> None:
        """Notes the rule to buy by, for what is said later of its opposite and of “it”."""
        self.reverse = reverse_of(found)
        for each in found.parts if isinstance(found, Both) else (found,):
            if isinstance(each, Compare | Cross) and each.left == CLOSE and isinstance(each.right, Series):
                self.memory.bought_below = each.op in ("<", "<=") if isinstance(each, Compare) else not each.up


def only_time(found: Condition) -> bool:
    """Says whether a condition is about nothing but times and weekdays."""
    parts = found.parts if isinstance(found, Both | Either) else (found.part,) if isinstance(found, Not) else ()
    return isinstance(found, TimeOfDay | Weekdays) or (bool(parts) and all(only_time(each) for each in parts))


def reverse_of(found: Condition) -> Condition | None:
    """The rule to sell by that “the opposite” means; None where it is not plain."""
    if isinstance(found, Compare) and isinstance(found.right, Series) and found.right.name.startswith("highest"):
        return Compare(found.left, "<", channel("low", found.right.parameters[0]))
    if isinstance(found, Cross | Compare | Turn):
        return contrary(found)
    if isinstance(found, Both):
        for each in found.parts:
            if isinstance(each, Cross):
                return contrary(each)
    return None
