"""Stops whose rules do otherwise than stops do: one that trails before the gain from which it should, and one whose level moves down with the bars.

A stop is set at the purchase, and stays. What a person is told of those that move is made from the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.follow_ups import ASK
from stratforge.intent.reading.exits import is_of_bars
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import LESS, PRICES, Rule, RuleKind

_I = re.IGNORECASE
_TRAIL = r"(?:\btrail(?:s|ed|ing)?\b|\bnachlauf\w*|\bnachgezogen\w*|\bnachziehen\w*|\bstops? (?:dinámico|móvil|deslizante|suiveur)|移动止损|追踪止损|跟踪止损|移動停損|トレーリング|トレール)"
_PROFIT = r"(?:\b(?:profits?|gains?|up|ahead|plus|winning|green|gewinn\w*|ganancias?|beneficios?|bénéfices?)\b|盈利|利润|浮盈|获利|利益|含み益)"
_FROM = r"(?:\b(?:once|when|whenever|if|as soon as|after|sobald|wenn|nachdem|nach|cuando|una vez|tras|después|dès|quand|lorsqu\w*|après|une fois)\b|当|當)"
_ALSO_FROM = rf"(?:{_FROM}|\b(?:from|at|activat\w*|start\w*|beginning|ab|a partir|à partir)\b)"
_SALE = r"\b(?:sell\w*|exit\w*|close[sd]?|take|target|half|verkauf\w*|vend\w*|cerrar|sale)\b|卖|賣|売"
_NO_SALE = rf"(?:(?!{_SALE})[^;\n。；])"
# “Trailing stop 2 % once the profit is 3 %”, “when the profit is 3 %, trail by 2 %”, “盈利3%后移动止损2%”.
_TRAILS_FROM = re.compile(
    rf"{_TRAIL}(?:(?!{_SALE}|\b(?:or|and|oder|und|o|y|ou|et)\b)[^,;\n。；，、]){{0,30}}?[,，]?\s*{_ALSO_FROM}(?=[^,;\n。；，]{{0,40}}{_PROFIT})(?=[^,;\n。；，]{{0,40}}\d)(?![^,.;\n。；，]*(?:{_SALE}))[^,;\n。；，]*"
    rf"|(?:^|[,.;:\n，。；、]|\b(?:and|then|but|und|dann|y|luego|et|puis)\b)\s*(?:and |then |but )?{_FROM}(?={_NO_SALE}{{0,40}}{_PROFIT}){_NO_SALE}{{0,40}}?\d{_NO_SALE}{{0,40}}?{_TRAIL}"
    rf"|(?:盈利|利润|浮盈|获利|利益|含み益)[^,;\n。；，、]{{0,12}}\d[^,;\n。；，、]{{0,6}}(?:后|後|时|時|以上|したら|なったら|で)[、，]?[^,;\n。；，、]{{0,8}}{_TRAIL}",
    _I,
)
_STOP_AT = re.compile(
    r"(?<!trailing )(?<!no )(?<!don't )(?:\b(?:stops?(?:[- ]?loss)?|stoploss|sl)\b(?! (?:buy|trad|enter|if|when|out if|out when|once|sobald|wenn|cuando|si|quand))|止损|止損|停損|損切り|ストップ)"
    r"(?P<level>[^,;\n。；，]{0,80})",
    _I,
)
_OF_BARS = re.compile(r"\b(?:lows?|highs?|open|close|band|yesterday\w*|prior|previous|swing|tief\w*|hoch\w*|gestr\w*|gestern|vortag\w*|eröffnung\w*|schluss\w*|band\w*|mínimos?|máximos?|ayer|apertura|cierre|banda|plus bas|plus haut|hier|ouverture|clôture|bande)\b|低|高|开盘|昨|始値|バンド|轨", _I)  # fmt: skip
_HIGHEST = re.compile(r"\b(?:high|highs|highest|peak|top|hoch|höchst\w*|höchststand|máximo|plus haut|sommet)\b|最高|高値|高点", _I)  # fmt: skip
_OF_CLOSES = re.compile(r"\bhigh(?:est)? clos\w*|\bclosing high|schlusskurs|cierre|clôture|收盘|終値", _I)


def stop_findings(
    turns: Sequence[str], requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]
) -> Iterator[str]:
    """Finds stops that trail before the gain from which they should, and stops that are sales by a level that is looked up anew on every bar.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.

    Yields:
        A question for each.
    """
    new = [(each, of_it) for each, of_it in zip(requirements, rules, strict=True) if each.status not in SETTLED]  # fmt: skip
    trails = [rule for _, of_it in new for rule in of_it if rule.dropped is None and _trails_from_the_start(rule)]
    for match in filter(None, map(_TRAILS_FROM.search, turns)):
        if trails:
            yield f"“{match[0].strip(' ,.;')[:200]}” names the gain from which the stop trails, and its rule trails from the purchase on ({in_words(trails[0])}). Should it trail only once that gain was reached, or from the purchase on? {ASK}"
    for each, of_it in new:
        said = next((one for one in _STOP_AT.finditer(each.quote) if _OF_BARS.search(one["level"])), None)
        for rule in of_it if said else ():
            if (level := _moving_level(rule)) and is_of_bars(level):
                yield f"“{each.quote.strip()[:200]}” is a stop, and its sale looks up the level anew on every bar ({in_words(rule)}), so that it moves down with the price. Should the stop stay where it is at the purchase, or move? {ASK}"


def stops_told(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> list[str]:
    """The sentences that tell a person that a stop at an average moves with it, and that a fall from the highest price is one from the highest close."""
    found = dict[str, None]()
    for each, of_it in zip(requirements, rules, strict=True):
        if each.status is Status.SUPERSEDED:
            continue
        for rule in of_it:
            if re.search(r"\bdrop(?:_dollars)? >", rule.text) and _HIGHEST.search(each.quote) and not _OF_CLOSES.search(each.quote):  # fmt: skip
                found["The fall is counted from the highest close since the purchase, and not from the highest price within a bar."] = None  # fmt: skip
            if _moving_level(rule) and any(one["level"] for one in _STOP_AT.finditer(each.quote)):
                found["The stop is looked at anew on every bar, so it moves with what it is measured from, up and down; it is not the one at the purchase."] = None  # fmt: skip
    return list(found)


def _trails_from_the_start(rule: Rule) -> bool:
    if rule.kind is RuleKind.TRAIL:
        return rule.condition is None
    return rule.kind is RuleKind.SELL and any("drop" in atom.text for atom in rule.atoms)


def _moving_level(rule: Rule) -> str:
    """The line that a price is below when it is sold, where that is the one comparison of a sale; empty elsewhere."""
    if rule.kind is not RuleKind.SELL or len(rule.atoms) != 1:
        return ""
    for left, operator, right in rule.atoms[0].ways:
        if left in PRICES and operator in LESS and re.search(r"[a-z_]{3}", right) and "entry_price" not in right:
            return right
    return ""
