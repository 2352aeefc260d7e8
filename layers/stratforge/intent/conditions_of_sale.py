"""Holds words that say under which condition of the position it is sold or bought again (in profit, at a loss, held for so long, a pause, so many a day, dollars of the
position) against what the rules restrict by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, Unit, elements_of
from stratforge.intent.lexicon import NEGATED
from stratforge.intent.measures import holds, judges_gain, near
from stratforge.intent.rules import EXIT_KINDS, GREATER, LESS, RESULTS, Atom, Rule, RuleKind, is_number

_I = re.IGNORECASE
_IN_PROFIT = re.compile(
    r"\b(?:in|at|with) (?:an? |the )?(?:profit|gain|plus)\b(?! (?:of|target))|\b(?:in the (?:green|money|black)|(?:is |are |i['’]?m )?(?:profitable|winning)|(?:it )?(?:made|makes|making) money)\b|\b(?:im|mit) (?:gewinn|plus)\b|\b(?:en|con) (?:ganancias?|beneficios?)\b|\b(?:en|avec) (?:un )?(?:bénéfice|gain)\b",
    _I,
)
_AT_A_LOSS = re.compile(
    r"\b(?:at|in|with|for) (?:an? |the )?loss(?:es)?\b(?! of)|\b(?:underwater|under water|(?:i['’]?m|i am|it is|it['’]s) losing|losing money|takes? a loss|in the red|unprofitable)\b|\b(?:im|mit) (?:verlust|minus)\b|\b(?:en|con) (?:pérdidas?)\b|\bà perte\b",
    _I,
)
_RESTRICTS = re.compile(rf"{NEGATED.pattern}|\b(?:only|just|provided|as long as|nur|sólo|solo|seulement)\b", _I)
_DURATION = (
    r"(?:the )?(?:first )?(?P<n>\d+|\w+) (?:more )?(?:bars?|min\w*|candles?|hours?|kerzen|stunden?|velas?|bougies?)"
)
_HOLD_AT_LEAST = re.compile(
    rf"\b(?:after )?(?:hold|keep)\w* (?:it |them )?for {_DURATION.replace('?P<n>', '?P<h>')} first\b|\bafter (?:holding|keeping) (?:it |them )?(?:for )?{_DURATION.replace('?P<n>', '?P<k>')}|\b(?:hold|keep|held|stay|halte\w*|mant\w+|gard\w+)\b[^,;.\d]{{0,20}}\b(?:at least|a minimum of|minimum|min|no less than|not less than|mindestens|al menos|au moins)\b[^,;.\d]{{0,6}}{_DURATION}"
    rf"|\b(?:not|never|n['’]t)\b[^,;.\d]{{0,24}}\b(?:before|until|within|in|during|earlier than|sooner than|for)\b (?:at least )?{_DURATION.replace('?P<n>', '?P<m>')}(?: (?:have|has|are|is)\b|(?= (?:after|of|since)\b)|\W*$|(?=[,;.]))"
    rf"|\bwait\w* (?:for )?(?:at least )?{_DURATION.replace('?P<n>', '?P<o>')} (?:before|until) (?:the |any |a )?(?:sell\w*|exit\w*|sale|clos\w*)",
    _I,
)
_HOLD_AT_MOST = re.compile(
    rf"\b(?:hold|keep|held|stay|halte\w*|mant\w+|gard\w+)\b[^,;.\d]{{0,20}}\b(?:at most|a maximum of|maximum|max|no (?:more|longer) than|not (?:more|longer) than|up to|longer than|more than|höchstens|maximal|länger als|como máximo|más de|au plus|plus de)\b[^,;.\d]{{0,6}}{_DURATION}",
    _I,
)
_AFTER_A_SALE = re.compile(
    r"\b(?:after|since|following|from) (?:an? |the |each |every |any |my |its |it |i |being |it was |having |one |last )*(?:\w+ )?(?:s[ae]l\w*|sold|exit\w*|trades?|stop\w*|loss\w*|los\w+|clos\w*|position\w*|out)\b"
    r"|\bbetween (?:\w+ )?(?:trades?|buys?|purchases?|entries|sales?|positions?|orders?)\b"
    r"|\b(?:before|until) (?:the |a |it |i |an? |any |my )*(?:next|another|new|buy\w*|re-?\w+|enter\w*|get\w* (?:back )?in|go\w* (?:back )?in|purchas\w*|trad\w+|back|open\w*)\b"
    r"|\bagain\b|\bapart\b|\b(?:cool\w*|paus\w*)(?![^,;.]*\b(?:buy|buys|purchases?|entry|entries|bought)\b)|\bnach (?:\w+ )?(?:verkauf|verkäufen|trade)|\berneut|\bwieder|\bzwischen|\bdespués de (?:\w+ )?(?:vend|venta|salir)\w*|\bantes de (?:volver|comprar)|\bentre|\baprès (?:\w+ )?(?:vent|vend|sortie)\w*|\bavant de (?:rachet|achet|re)\w*|卖出后|賣出後|売却後|冷却|再",
    _I,
)
_COUNT_A_DAY = re.compile(
    r"\b(?:at most|no more than|not more than|max(?:imum)?(?: of)?|up to|only|höchstens|maximal|como máximo|máximo|au plus|maximum)\s+(?P<n>\d+|one|two|three|four|five) (?:\w+ )?(?:buys?|trades?|purchases?|entries|times|orders?|käufe|compras|achats|operaciones|transactions?)\b[^,;.]{0,8}\b(?:per|a|each|every|pro|al|por|par) (?:day|session|tag|día|jour)|\b(?:daily) (?:max\w*|limit) (?:of )?\d+ trades?",
    _I,
)
_SALES_A_DAY = re.compile(r"\b(?:\d+|one|two|three) (?:sales|sells|exits) (?:a|per|each|every) day\b", _I)
_OF_THE_POSITION = re.compile(
    r"\b(?:on|of|for|in) (?:the |my |this )?(?:whole |entire |full |total )?(?:position|trade|investment|holding)\b|\bin total\b|\baltogether\b|\boverall\b|\b(?:whole|entire|total) (?:position|trade)\b|\b(?:my|the) position is\b|\b(?:per|a|each|every) (?:trade|position)\b|\b(?:auf|der) (?:die )?(?:ganze |gesamte )?position\b|\binsgesamt\b|\bde la posición\b|\ben total\b|\bau total\b",
    _I,
)
_A_SHARE = re.compile(r"\b(?:per|a|each|every|pro|je|por|par) (?:share|coin|stock|unit|aktie|acción|action)\b", _I)
_ONE = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "an": 1, "a": 1}


def sale_findings(words: str, rules: Sequence[Rule], standing: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Finds conditions of the position that the words set otherwise than the rules.

    Args:
        words: Words of one side, or of none.
        rules: The rules of the requirement.
        standing: All rules of the strategy.

    Yields:
        The words that decide, where telling them in assumptions is enough, otherwise nothing; and what is wrong.
    """
    sales = [each for each in standing if each.kind is RuleKind.SELL]
    yield from _profit(words, rules, sales)
    yield from _held(words, sales)
    yield from _pauses(words, rules, standing)
    if match := _OF_THE_POSITION.search(words):
        money = [each for each in elements_of(words) if each.unit is Unit.MONEY]
        if (
            any(holds(each.text, "gain_dollars", "drop_dollars") for each in rules)
            and money
            and not _A_SHARE.search(words)
        ):
            yield (
                match[0],
                f"counts dollars “{match[0]}”, and gain_dollars and drop_dollars are dollars of one share: ask, or say in assumptions that they are read so",
            )


def _results(rule: Rule) -> set[str]:
    """How a sale compares the result of the position with nothing: more, or less."""
    return {
        sign
        for atom in rule.atoms
        for side, sign, other in atom.ways
        if judges_gain(side, other) and (side == "close" or is_number(other))
    }


def _profit(words: str, rules: Sequence[Rule], sales: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    for pattern, up in ((_IN_PROFIT, True), (_AT_A_LOSS, False)):
        for match in pattern.finditer(words):
            clause = re.split(r"[,;.](?=\s)|\b(?:and|but)\b", words[: match.start()])[-1]
            if re.search(r"\d\s*(?:%|dollars?|percent)?\s*$", clause) or re.match(
                r"\s*(?:of )?\$?\d", words[match.end() :]
            ):
                continue
            denied = bool(NEGATED.search(clause))
            wants = GREATER if up != denied else LESS
            judged = [each for each in rules if _results(each)]
            exits = [each for each in rules if each.kind in EXIT_KINDS]
            if not judged and not exits:
                yield (
                    "",
                    f"says “{match[0]}”, and its rules do not look at the gain of the position: compare gain with 0, or call it unsupported",
                )
            elif judged and all(_results(each).isdisjoint(wants) for each in judged):
                yield (
                    "",
                    f"says “{match[0]}”{' of what it denies' if denied else ''}, and its rules compare gain the other way",
                )
            elif judged and _RESTRICTS.search(clause):
                free = [each for each in sales if _of_market(each) and (not _results(each) or each.offers_choice)]
                if free:
                    yield (
                        match[0],
                        f"restricts sales by “{match[0]}”, and a rule sells without it ({free[0].text}): join it with and, ask, or quote these words in assumptions",
                    )


def _of_market(rule: Rule) -> bool:
    """Whether a sale is made because of the market, rather than the clock, the time held or the result."""
    return any(not holds(each.text, "minute", "weekday", "bars_held", *RESULTS) for each in rule.atoms)


def _of_holding(atom: Atom) -> bool:
    return holds(atom.text, "bars_held")


def _held(words: str, sales: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    alone = [each for each in sales if each.atoms and (all(map(_of_holding, each.atoms)) or each.offers_choice)]
    timed = [each for each in sales if any(map(_of_holding, each.atoms))]
    if (match := _HOLD_AT_MOST.search(words)) and not any(
        atom.operator in (">", ">=", "==") for each in alone for atom in each.atoms if _of_holding(atom)
    ):
        yield "", f"says “{match[0]}”, and no rule sells when that has passed and for nothing else"
    elif not match and (match := _HOLD_AT_LEAST.search(words)):
        if any(all(map(_of_holding, each.atoms)) for each in alone):
            yield "", f"says “{match[0]}”, and its rule sells when that has passed, whatever else"
        elif not timed:
            yield (
                "",
                f"says “{match[0]}”, and its rules do not look at bars_held: join bars_held with and, or call it unsupported",
            )
        else:
            free = [each for each in sales if _of_market(each) and not any(map(_of_holding, each.atoms))]
            if free or any(each.offers_choice for each in timed):
                yield (
                    match[0],
                    f"says “{match[0]}”, and a rule sells before ({(free or timed)[0].text}): join it with and, ask, or quote these words in assumptions",
                )


def _pauses(words: str, rules: Sequence[Rule], standing: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    for rule in rules:
        if rule.kind is RuleKind.PAUSE and not _AFTER_A_SALE.search(words):
            said = any(
                near(each.value, rule.value) or near(60 * each.value, rule.value)
                for each in elements_of(words, Kind.NUMBER)
            )
            if said:
                yield "", f"does not speak of a time after a sale, and its rule does ({rule.text})"
    if any(each.kind is RuleKind.LIMIT for each in rules) and (match := _SALES_A_DAY.search(words)):
        yield "", f"counts “{match[0]}”, and its rule counts purchases: ask, or call it unsupported"
    for match in _COUNT_A_DAY.finditer(words):
        count = next((each.value for each in elements_of(match[0], Kind.NUMBER)), None)
        count = _ONE.get((match["n"] or "").lower(), count)
        if count is not None and not any(each.kind is RuleKind.LIMIT and near(each.value, count) for each in standing):
            yield "", f"says “{match[0]}”, and no rule limits purchases so: at most {count:g} buys a day"
