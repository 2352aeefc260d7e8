"""Sentences about how much is bought and how often."""

from __future__ import annotations

import re
from typing import Literal

from simulators.gemini.author.conditions import condition
from simulators.gemini.author.draft import WHEN, Draft
from simulators.gemini.author.rules import Setting
from simulators.gemini.author.scanner import BARS, N, Unexpressible, bars_of


def size_sentence(draft: Draft) -> bool:
    """Reads a sentence about the size of purchases, such as “invest 10 % each time”."""
    scan = draft.scan
    begin = scan.start
    if size(draft):
        return True
    if not scan.take(
        r"(?:(?:with|use|using|invest(?:ing|s)?|risk(?:ing)?|allocate|allocating|commit|put|size|position size|trade size|order size|trade|for|worth|spend|spending|each trade uses|each (?:trade|position|order|time)|per trade|sizing)(?: (?:of|is|:|only|about|around|in|with|use|uses|at|equal to))*)"
    ):
        return False
    if re.search(r"\brisk", scan.text[begin : scan.at]):
        raise Unexpressible(
            "Risking a part of the account means a size that depends on the stop. Which part of the equity, or how many dollars or shares, should a purchase take?"
        )
    scan.take(r"(?:on|for|in|at) (?:each|every|a|the) (?:trade|position|order|purchase|time)")
    if not size(draft):
        return False
    scan.take(r"(?:in|into|on|of) (?:@\S+|it|the stock)")
    if scan.sees("when|if|whenever|once"):
        at = scan.at
        scan.take(WHEN)
        draft.memory.position = False
        found = condition(scan, draft.memory)
        if found is not None:
            draft.bought(found)
            draft.rule("entry", found, begin)
            return True
        scan.at = at
    scan.take(
        r"(?:(?:each|every) time|per (?:trade|position|order|purchase|entry)|(?:on|for|in|into|at|to) (?:each|every|a|the|any) (?:trade|position|order|purchase|entry|time)|each|in it|into it)"
    )
    return True


def size(draft: Draft) -> bool:
    """Reads a size: a part of the equity, an amount of money, or a number of shares or coins."""
    scan = draft.scan
    begin = scan.start
    of_all = r"(?:of )?(?:my |the |its |our |your |available |total |account |current |all )*(?:equity|portfolio|capital|cash|account|money|balance|funds|buying power|net worth|account value|account balance)"
    kind: Literal["equity", "cash", "shares"] | None = None
    value = 0.0
    match = scan.take(rf"{N} ?% {of_all}")
    thousands = None if match else scan.take(rf"{N} ?(k|thousand|grand)(?: (?:dollars|usd|bucks))? worth(?: of)?")
    if match:
        kind, value = "equity", float(match[1]) / 100
    elif thousands:
        kind, value = "cash", float(thousands[1]) * 1000
    elif match := scan.take(
        rf"(half|a half|a quarter|one quarter|a third|one third|all|everything|a tenth|one tenth) {of_all}"
    ):
        kind, value = (
            "equity",
            {"half": 0.5, "quarter": 0.25, "third": 1 / 3, "all": 1.0, "everything": 1.0, "tenth": 0.1}[
                match[1].split()[-1]
            ],
        )
    elif match := scan.take(
        rf"\$ ?{N}(?: ?(k|thousand))?(?: worth)?(?: of)?|{N}(?: ?(k|thousand))? ?(?:dollars|usd|bucks)(?: worth)?(?: of)?"
    ):
        kind, value = "cash", float(match[1] or match[3]) * (1000 if match[2] or match[4] else 1)
    elif match := scan.take(rf"(?:{N}|(a|one|a single)) (?:shares?|coins?|units?|contracts?|lots?)(?: of)?"):
        if "contract" in match[0] or "lot" in match[0]:
            raise Unexpressible(
                "Lots and contracts are not traded here. How many shares or coins, or dollars, should a purchase take?"
            )
        kind, value = "shares", float(match[1]) if match[1] else 1.0
    if kind is None:
        return False
    scan.take(r"(?:per|each|for each|every) (?:trade|order|position|time|entry)")
    if draft.memory.position and kind != "equity":
        raise Unexpressible(
            "Selling a number of shares or dollars: please say which part of the position is sold, such as half."
        )
    draft.plan.settings.append(Setting(kind, value, (begin, scan.at)))
    return True


def frequency(draft: Draft) -> bool:
    """Reads how many trades a day there may be."""
    scan = draft.scan
    begin = scan.start
    times = r"(?:trades?|entries|entry|buys?|purchases?|positions?|times?|orders?|round trips?|signals?)"
    a_day = r"(?:per|a|each|every|in a|in one|any one) (?:trading )?(?:day|session)|daily"
    match = scan.take(
        rf"(?:(?:but |and |with |do |make |take |buy |trade |allow |only |at most |no more than |not more than |max(?:imum)?(?: of)? |a maximum of |up to |limit(?:ed)?(?: it)?(?: to)? )+)(?:{N}|(once|one|a single|twice)) ?(?:new )?{times}? ?(?:{a_day})(?: max(?:imum)?)?"
        rf"|(once|twice|{N} {times}) (?:{a_day})(?: max(?:imum)?| at most)?|max(?:imum)? (?:daily|day) trades?:? {N}|one {times} (?:{a_day})|only one {times} (?:{a_day})"
    )
    if match is None:
        return False
    count = match[1] or match[4] or match[5]
    value = float(count) if count else 2.0 if "twice" in match[0] else 1.0
    draft.plan.settings.append(Setting("a day", value, (begin, scan.at)))
    return True


def pause(draft: Draft) -> bool:
    """Reads a pause between a sale and the next purchase."""
    scan = draft.scan
    begin = scan.start
    scan.take(r"after (?:selling|a sale|an exit|each sale|every sale|a trade|exiting|each trade),?")
    match = scan.take(
        rf"(?:and |then )?(?:(?:wait|pause|cool ?down|cooldown)(?: for| of| at least)*|do not (?:re ?enter|buy again|trade again|reenter)(?: for| within)|no (?:re ?entry|new (?:trades?|buys?))(?: for| within)) {N} ({BARS}|hours?|days?)(?: (?:after|between|before|following|of)(?: (?:an?|the|each|every|my|any|re))* ?(?:exit(?:s|ing)?|sale|sell(?:ing)?|trades?|(?:the )?last (?:trade|sale|exit)|closing(?: a position)?|position|buying again|entering again|re ?entering|reentering|re ?entry|next (?:trade|buy|entry)|new (?:trade|entry)|position is closed|cooldown))?(?: before (?:buying|entering|trading|re ?entering|the next (?:trade|buy|entry))(?: again)?)?(?: again)?"
    )
    if match is None:
        return False
    draft.plan.settings.append(Setting("pause", bars_of(float(match[1]), match[2], "A pause"), (begin, scan.at)))
    return True
