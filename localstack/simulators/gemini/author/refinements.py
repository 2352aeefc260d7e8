"""Changes of a plan: another number, another average, a rule more or less, other days, another size."""

from __future__ import annotations

import re
from dataclasses import replace

from stratforge.intent.additions import adds, one_more_symbol
from stratforge.intent.follow_ups import DIRECTION

from simulators.gemini.author.changes import CHANGES
from simulators.gemini.author.phrases import Memory
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Cross,
    Either,
    Held,
    Number,
    Plan,
    Result,
    Rule,
    Series,
    TimeOfDay,
    Trail,
    nodes,
)
from simulators.gemini.author.scanner import Scanner
from simulators.gemini.author.sentences import part_unread
from simulators.gemini.author.statements import Reader
from simulators.gemini.author.wording import Wording


def refined(before: Plan, wording: Wording) -> tuple[Plan, list[str]]:
    """The plan after a change, and what was changed, in words; a change that is not understood is a question."""
    plan = Plan(
        list(before.symbols),
        [replace(each, place=(0, 0)) for each in before.rules],
        [replace(each, place=(0, 0)) for each in before.settings],
    )
    scan = Scanner(wording.text)
    said: list[str] = []
    while not scan.done:
        if scan.take(r"[,.;:!?()\"'/*+-]+"):
            continue
        at = scan.at
        for change in CHANGES:
            what = change(plan, scan)
            if what is not None:
                said.append(what)
                break
            scan.at = at
        else:
            if scan.take(
                r"(?:no(?= [,:]? ?(?:only|use|make|change|set|buy|sell))|please|and|also|then|but|ok|okay|now|thanks|thank you|can you|could you|would you|i want|i would like|make it|change it|let us|just|instead|to|so that|it|the strategy|keep everything else|leave the rest|the rest stays(?: the same)?|the same|strategy)"
            ):
                continue
            said += _more(plan, wording, scan)
            break
    # What it trades in the end is told, however often the words move it.
    now, stood = [each for each, _ in plan.symbols], [each for each, _ in before.symbols]
    added = [each for each in now if stood and each not in stood and adds(wording.original, each)]
    if added:
        plan.symbols = list(before.symbols)
        plan.questions.append(one_more_symbol(wording.original, added[0], stood[0]))
        return plan, said
    moved = [f"Changed: it trades {now[0]}."] if now and now != stood else []
    return plan, [*(each for each in said if each), *moved]


def _more(plan: Plan, wording: Wording, scan: Scanner) -> list[str]:
    """The rest as a request of its own, whose rules are added."""
    memory = Memory()
    entry = plan.of("entry")[0].condition
    for each in nodes(entry):
        if isinstance(each, Compare) and each.left.levels:
            memory.left, memory.right = each.left, each.right
        if isinstance(each, Cross) and isinstance(each.right, Series):
            memory.pair = (each.left, each.right)
    reader = Reader(wording, memory)
    reader.scan.at = scan.at
    more = reader.read()
    plan.questions += more.questions
    plan.unread += more.unread
    if more.symbols and [each for each, _ in more.symbols] != [each for each, _ in plan.symbols]:
        plan.symbols = more.symbols
    said = list[str]()
    for rule in more.rules:
        if rule.assumed == ("only",):
            rule = replace(rule, kind="filter", assumed=())
        if rule.kind in ("entry", "exit") and re.search(r"\binstead\b(?! of)", wording.text):
            said.append(_instead(plan, rule, wording))
            continue
        if rule.kind == "entry" and _FURTHER.search(wording.text) and not re.search(r"\b(?:buy|enter)", wording.text):
            # "And the RSI must be over 50": needed as well.
            rule = replace(rule, kind="filter", assumed=())
        elif rule.kind in ("entry", "exit") and re.search(r"\b(?:also|as well|too|additionally)\b", wording.text):
            plan.rules.append(rule)
            continue
        if rule.kind in ("entry", "exit") and not isinstance(rule.condition, Result | Trail | Held | TimeOfDay):
            said.append(_take_its_place(plan, rule, wording))
            continue
        if (
            rule.kind in ("filter", "exit")
            and isinstance(rule.condition, TimeOfDay | Held)
            and not _MORE.search(wording.text)
        ):
            # The same end of the day, or of the holding, said anew.
            plan.rules = [each for each in plan.rules if each.place != (0, 0) or not _alike(each, rule)]
        if rule.kind == "filter" and re.match(r"no\b(?! (?:more |new )?(?:trad|buy|entr|purchas|position))|instead|rather|actually|sorry", wording.text):  # fmt: skip
            plan.rules = [
                each
                for each in plan.rules
                if not (each.kind == "filter" and each.place == (0, 0) and type(each.condition) is type(rule.condition))
            ]
        if isinstance(rule.condition, Result | Trail):
            other = Trail if isinstance(rule.condition, Result) else Result
            beside = [
                each
                for each in plan.of("exit")
                if isinstance(each.condition, other) and not getattr(each.condition, "gain", False)
            ]
            if beside and not getattr(rule.condition, "gain", False):
                said.append(f"Beside it, it sells as before when {beside[0].condition.words}.")
            same = [
                each
                for each in plan.rules
                if type(each.condition) is type(rule.condition)
                and getattr(each.condition, "gain", None) == getattr(rule.condition, "gain", None)
                and each.part == rule.part
            ]
            plan.rules = [each for each in plan.rules if each not in same]
        plan.rules.append(rule)
    for setting in more.settings:
        group = ("equity", "cash", "shares") if setting.kind in ("equity", "cash", "shares") else (setting.kind,)
        plan.settings = [each for each in plan.settings if each.kind not in group] + [setting]
    return [each for each in said if each]


_FURTHER = re.compile(r"\b(?:must|should|has to|have to|needs? to|also|as well|too|additionally)\b")


_OF_THE_SALE = re.compile(r"\b(?:stops?|exits?|sell\w*|targets?|profits?|trail\w*)\b")
_OF_BUYING = re.compile(r"\b(?:buy\w*|enter\w*|entry|entries|purchas\w*)\b")
_MORE = re.compile(r"\b(?:also|as well|too|additionally|another)\b")


def _alike(one: Rule, other: Rule) -> bool:
    """Whether two rules are the same bound with another time or number."""
    same = one.kind == other.kind and one.part == other.part and type(one.condition) is type(other.condition)
    return same and getattr(one.condition, "until", None) == getattr(other.condition, "until", None)


def _instead(plan: Plan, rule: Rule, wording: Wording) -> str:
    """A rule in the place of all rules of its side; where some of them are stops or targets and it does not say “only”, it is asked."""
    old = [each for each in plan.rules if each.kind == rule.kind and each.place == (0, 0)]
    about = getattr(getattr(rule.condition, "left", None), "name", None)
    if about and any(
        getattr(getattr(each, "left", None), "name", "") == about for one in old for each in nodes(one.condition)
    ):
        return _take_its_place(plan, rule, wording)
    if len(old) > 1 and "only" not in wording.text:
        said = " or ".join(each.condition.words for each in old)
        plan.questions.append(f"Instead of which rule ({said}) should “{rule.condition.words}” stand?")
        return ""
    plan.rules = [each for each in plan.rules if each not in old] + [rule]
    return f"Changed: it {'buys' if rule.kind == 'entry' else 'sells'} when {rule.condition.words}."


def _take_its_place(plan: Plan, rule: Rule, wording: Wording) -> str:
    """A rule said anew: it takes the place of the part that is about the same; where there is none such, it is asked."""
    mine = [each for each in plan.rules if each.kind == rule.kind and each.part == rule.part]
    about = getattr(getattr(rule.condition, "left", None), "name", None)
    for each in mine:
        parts = each.condition.parts if isinstance(each.condition, Both | Either) else (each.condition,)
        same = [part for part in parts if getattr(getattr(part, "left", None), "name", "-") == about]
        if len(same) == 1:
            new = rule.condition
            if isinstance(new, Compare) and isinstance(new.right, Number) and isinstance(same[0], Compare | Cross) and isinstance(same[0].right, Number) and not DIRECTION.search(wording.original):  # fmt: skip
                # “Buy at 35”, after “buy below 30”: from the side that stands.
                new = replace(same[0], right=new.right)
            changed = tuple(new if part is same[0] else part for part in parts)
            whole = replace(each.condition, parts=changed) if isinstance(each.condition, Both | Either) else changed[0]
            plan.rules[plan.rules.index(each)] = replace(each, condition=whole)
            return f"Changed: it {'buys' if rule.kind == 'entry' else 'sells'} when {whole.words}."
    if rule.kind == "entry" and _OF_THE_SALE.search(wording.text) and not _OF_BUYING.search(wording.text):
        # “A stop 1 ATR below the 20 EMA” says nothing of buying.
        plan.questions.append(part_unread([wording.original.strip()[:200]]))
        return ""
    if rule.part != 1 or not mine:
        plan.rules.append(rule)
        return ""
    said = " or ".join(each.condition.words for each in mine)
    verb = "buys" if rule.kind == "entry" else "sells"
    plan.questions.append(
        f"It {verb} now when {said}. Should “{rule.condition.words}” take the place of that, or be needed as well, or be enough by itself?"
    )
    return ""
