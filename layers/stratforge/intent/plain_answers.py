"""Answers that write no strategy: what a turn wants that is answered in words, and words that claim a change which nothing made."""

from __future__ import annotations

import re
from collections.abc import Iterator

_I = re.IGNORECASE
_POLITE = r"(?:\W|\b(?:please|ok|okay|now|and|then|also|so|well|yes|no|just|bitte|und|por favor|s'il (?:te|vous) pla[iî]t)\b|请|請)*"
_ASKS = re.compile(
    rf"^{_POLITE}(?:(?:why|what(?!'?s? if)|which|how|when|where|who|whose|explain|tell|show|describe|compare|list|summari[sz]e|is|are|was|were|does|do(?! (?:not|n['’]t))|did|has|have|"
    r"warum|wieso|was|welche\w*|wie|wann|erkl[äa]re?|zeig\w*|por qu[ée]|qu[ée]|cu[áa]l\w*|c[óo]mo|explica|pourquoi|quel\w*|comment|explique\w*)\b|为什么|為什麼|怎么|什么|なぜ|どう)",
    _I,
)
_WANTS = re.compile(
    rf"^{_POLITE}(?:(?:can|could|would|will) you )?{_POLITE}(?:let['’]?s |i (?:want|would like|need|['’]d like)(?: you)?(?: to)? )?{_POLITE}(?:(?:"
    r"add|remove|delete|drop|set|use|change|make|replace|switch|swap|raise|lower|increase|decrease|reduce|double|halve|triple|tighten|widen|put|take (?:out|away|off)|turn (?:on|off)|get rid of|"
    r"trade|buy|sell|exit|close|hold|only|never|don['’]t|do not|without|no more|stop (?:buying|selling|trading)|write|build|create|"
    r"füge?\w*|setze?|ändere?|entferne?|nimm|ersetze?|kaufe?|verkaufe?|nur|kein\w*|añade|agrega|quita|cambia|pon|usa|compra|vende|ajoute\w*|enl[eè]ve\w*|change\w*|remplace\w*|mets|ach[eè]te\w*|vends?)\b"
    r"|加|添加|增加|去掉|删除|改|换成|买|買|卖|追加|削除|変更|買|売)",
    _I,
)
_CLAIMS = re.compile(
    r"\b(?:i(?: have|['’]ve)?(?: just| now)? (?:added|removed|changed|set|updated|replaced|switched|raised|lowered|increased|decreased|doubled|halved|dropped|moved|put|applied|made (?:the|that|this|your|it))|"
    r"(?:has|have) (?:now |just )?been (?:added|removed|changed|updated|replaced|switched|raised|lowered|applied)|(?:is|are) now (?:added|removed|changed|updated|set)|"
    r"(?:the strategy|it|the code) now (?:buys|sells|uses|trades|has|holds|exits|stops|waits)|"
    r"ich habe .{0,60}(?:hinzugef[üu]gt|ge[äa]ndert|entfernt|gesetzt|ersetzt)|he (?:añadido|agregado|quitado|cambiado)|j['’]ai (?:ajout[ée]|enlev[ée]|chang[ée]|remplac[ée]|modifi[ée]))|已(?:经)?(?:添加|加|修改|删除|改)|(?:追加|変更|削除)しました",
    _I,
)
_NOT = re.compile(r"\b(?:not|nothing|n['’]t|never|nichts?|nada|rien)\b|没|未", _I)


def asks_for_change(turn: str) -> bool:
    """Tells whether the person's words ask that something is written or changed, and are no question about it."""
    return bool(_WANTS.search(turn)) and not _ASKS.search(turn)


def claims_change(text: str) -> str:
    """The words of an answer that say something was changed; empty when it does not."""
    for sentence in re.split(r"(?<=[.!?。！？])\s*|\n", text):
        if (match := _CLAIMS.search(sentence)) and not _NOT.search(sentence):
            return match[0]
    return ""


def answer_findings(turn: str, answer: str) -> Iterator[str]:
    """Finds what is wrong with an answer in words: it changes nothing, so it may not say that it does, and is none to who asks for a change.

    Args:
        turn: The person's words.
        answer: What is answered.
    """
    if not answer.strip():
        yield "The answer says nothing: answer says it in a few sentences, or questions asks."
    if claimed := claims_change(answer):
        yield f"The answer says “{claimed}”, and an answer changes nothing: write the strategy (kind strategy) with all its code, or leave that out."
    if asks_for_change(turn):
        yield f"“{turn.strip()[:120]}” asks for a change, and an answer changes nothing: write the strategy, ask back (clarify), or say why it cannot be done (decline)."
