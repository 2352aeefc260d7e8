"""Words of a request that no requirement quotes and that may decide something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Words that decide nothing by themselves: politeness, articles, and what leads to the request.
_HARMLESS = frozenset(
    """
    a an the of it its is are was be been to and then that this these those for my me i we us you your our in on at by as so just too with from into like
    want wants need would could should can will may shall please thanks thank cheers hi hello hey dear all everyone everybody folks guys guy sir strategy
    strategies trade trades trading trader bot algo algorithm system rule rules idea ideas simple basic nice good great best new write make create build
    give design code develop program set up setup try test get let lets here there have has do does did if when whenever while stock stocks share shares
    symbol ticker ok okay well now also some one something thing help first post advance wondering looking i'd i'm id im it's which using use based market
    markets thx pls plz n u ur that's lol lmk ty standard default usual settings setting following for ein eine einen einem einer der die das den dem des
    und ich mir mich möchte will bitte danke hallo strategie schreibe schreib mir für mit zu auf im in ist sind es sie wir dann wenn aktie aktien un una
    uno el la los las lo y e de del al en por favor gracias hola quiero estrategia que cuando si mi con es son se una acciones acción le les des du et je
    veux voudrais merci bonjour salut stratégie s'il vous plaît svp pour dans est sont quand si que qui il elle mon ma avec une action actions
    """.split()  # noqa: SIM905 - a list of words is read as a text
)
# A few Chinese and Japanese signs of grammar and politeness.
_SIGNS = frozenset(
    "的了吗呢吧请我你在时就和并且与当如果若则它是，。、；：！？「」（）をがはのにでとてたらすまくださいねよ"
)


def words_left(request: str, quoted: Sequence[tuple[int, int]], symbol: str = "") -> Iterator[str]:
    """The stretches of a request outside of all quotations that say something.

    Args:
        request: The person's words.
        quoted: From where to where the quotations reach.
        symbol: The answer's symbol: said alone it needs no quotation.
    """
    inside = bytearray(len(request))
    for start, end in quoted:
        inside[start:end] = b"\x01" * (end - start)
    stretch: list[str] = []
    for match in re.finditer(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?;。]", request):
        word = match[0].replace("’", "'")
        outside = not any(inside[match.start() : match.end()]) and word.upper() not in symbol.upper().split("/")
        if outside and word[0].isalpha():
            stretch.append(match[0])
        elif stretch:
            yield from _said(stretch)
            stretch = []
    yield from _said(stretch)


def _said(stretch: Sequence[str]) -> Iterator[str]:
    if any(not _harmless(each) for each in stretch):
        yield " ".join(stretch)


def _harmless(word: str) -> bool:
    if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", word):
        return all(each in _SIGNS for each in word)
    return word.lower().replace("’", "'") in _HARMLESS or len(word) == 1
