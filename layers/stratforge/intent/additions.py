"""One more symbol is no symbol in the place of the first: what trades one does not move to another one by words of addition.

The words are held against what the finished answer trades, so it holds for whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.reading.doubts import not_understood
from stratforge.intent.reading.words import names_symbol
from stratforge.market.symbols import PORTFOLIO

_I = re.IGNORECASE
_ADDS = re.compile(
    r"\b(?:too|also|as well|additionally|in addition|besides|plus|add(?:s|ed|ing)?|includ\w+|along(?:side)?|same|another|an? second|one more|both|on top|"
    r"auch|zusätzlich|außerdem|ebenfalls|ebenso|dazu|hinzu\w*|füge|nimm .* auf|dasselbe|das gleiche|beide|noch|"
    r"también|tambien|además|añad\w+|agreg\w+|incluy\w+|lo mismo|ambos|otra|"
    r"aussi|également|ajout\w+|inclu[st]?\w*|en plus|la même chose|pareil|les deux)\b|也|还|加上|同时|追加|一緒に|どちらも",
    _I,
)
_INSTEAD = re.compile(
    r"\b(?:instead|rather|switch\w*|replac\w+|swap\w*|no longer|no more|any ?more|statt\w*|anstatt|anstelle|ersetz\w*|wechs\w+|en lugar|en vez|cambi\w+|reemplaz\w+|au lieu|à la place|remplac\w+)\b|改|换|代わり",
    _I,
)
_JOINED = re.compile(r"^\W*(?:(?:ok|okay|yes|please|now|then|so)\W+)*(?:and|und|y|et|plus|with|mit|con|avec)\b", _I)
_ENDS = re.compile(r"[.;:!?\n]|,(?!\s*(?:too|also|as well|please)\b)|\b(?:and|but|then|und|aber|dann|y|pero|et|mais)\b", _I)  # fmt: skip
# “Also, MSFT”.
_LEADS = re.compile(r"^(\W*(?:also|plus|additionally|in addition|besides|auch|también|además|aussi)),", _I)
_BOTH = re.compile(r"\b(?:both|beide|ambos|les deux)\b", _I)
_ONE = re.compile(r"\bit trades (?:only )?(?P<name>[A-Z][A-Z0-9]*(?:[./][A-Z]+)?)\b(?! (?:no more|no longer|any ?more|until|before))")  # fmt: skip


def one_more_symbol(words: str, name: str, traded: str = "") -> str:
    """The question about words that name one more symbol."""
    there = traded or "what it trades now"
    instead, both = (f"trade {name} instead of {traded}", f"{traded} and {name}") if traded else (f"trade {name} instead", f"{name} and …")  # fmt: skip
    asks = f"A strategy trades one symbol: should it trade {name} in the place of {there} (“{instead}”), should there be a second strategy for {name} (describe it as a new one), or one portfolio (“hold the strongest of {both}”)?"
    return not_understood(words.strip()[:200], asks)


def added_instead(turn: str, earlier: Sequence[str], symbol: str, traded: str) -> Iterator[str]:
    """Finds that an answer trades a symbol which the words of a later turn only add to the one that is traded.

    Args:
        turn: The person's last words.
        earlier: Their words in the turns before it that no strategy has answered yet.
        symbol: What the answer trades.
        traded: What was traded before a change; "" where that is not known, or nothing stood.
    """
    if not symbol or symbol == PORTFOLIO or symbol.upper() == traded.upper():
        return
    if not traded and any(names_symbol(each, symbol) for each in earlier):
        return
    if adds(turn, symbol):
        yield one_more_symbol(turn, symbol, traded)


def adds(turn: str, symbol: str) -> bool:
    """Returns whether words name a symbol as one more."""
    text = _LEADS.sub(r"\1 ", turn)
    if _BOTH.search(text) and names_symbol(text, symbol) and not _INSTEAD.search(text):
        return True
    joined = _JOINED.match(text)
    clauses = [each for each in _ENDS.split(text[joined.end() if joined else 0 :]) if each.strip()]
    return any(
        names_symbol(each, symbol) and not _INSTEAD.search(each) and bool(_ADDS.search(each) or (joined and at == 0))
        for at, each in enumerate(clauses)
    )


def told_of_another(assumptions: Sequence[str], symbol: str) -> Iterator[str]:
    """Finds that a person is told of another symbol than the answer trades."""
    for told in assumptions:
        for match in _ONE.finditer(told):
            if symbol and symbol != PORTFOLIO and match["name"] != symbol.upper():
                yield f"assumptions says “{match[0]}”, and the answer trades {symbol}: say nothing that does not hold."
