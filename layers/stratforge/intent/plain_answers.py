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
# A request in a sentence behind a question, by what can be no word of telling.
_COMMANDS = re.compile(
    rf"^{_POLITE}(?:if (?:not|so|yes|no)\W+)?{_POLITE}(?:add|remove|delete|set|change|replace|switch|swap|raise|lower|increase|decrease|reduce|double|halve|triple|tighten|widen|take (?:out|away|off)|get rid of|write|build|create|"
    r"füge?|ändere?|entferne?|ersetze?|añade|agrega|quita|cambia|ajoute|enl[eè]ve|remplace)\b|^(?:添加|增加|去掉|删除)",
    _I,
)
# What begins like a request and is none.
_TELLS = re.compile(
    rf"^{_POLITE}(?:(?:can|could|would|will) you )?{_POLITE}(?:(?:don['’]t|do not) (?:change|touch|edit|modify)|hold on\b|write (?:down|out|up)\b|(?:only|nur) (?:a|one|eine) (?:quick |kurze )?(?:question|frage))",
    _I,
)
_QUESTION = re.compile(r"^\W*(?:(?:would|could)(?! you)|should|sollte|würde|hätte)\b", _I)
_DONE = "added|removed|deleted|changed|updated|replaced|switched|applied|modified|adjusted|tightened|widened|edited|tweaked|swapped|enabled|disabled|rewritten|implemented|inserted"
# What is said of an answer's author alone: of a stop or a sale it may be how they are, or what the market did.
_MADE = f"{_DONE}|set|raised|lowered|increased|decreased|reduced|doubled|halved|dropped|moved|put|rewrote|created|saved|stored|placed|started|stopped|canceled|cancelled|bought|closed"
_PART = "stop|stops|target|limit|rule|rules|filter|condition|exit|entry|strategy|code|parameter|size|sale|purchase|symbol|length"
_DOES = r"(?:buys?|sells?|uses?|exits?|stops?|waits?|trades?(?! (?:at|near|above|below|around)\b)|has(?! [$\d])|have(?! [$\d])|holds?(?! [$\d]))"
_CLAIMS = re.compile(
    rf"^\W*(?:done|erledigt|hecho|fait)\s*[:.!,;]|\b(?:i|we)(?: have|['’]ve)?(?: (?:just|now|also|successfully|gone ahead and))* (?:{_MADE}|made (?:the|that|this|your|it))\b|"
    rf"\b(?:has|have) (?:now |just |successfully )*been (?:now |just |successfully )*(?:{_DONE})\b|\b(?:{_PART})\b(?: of [^,;:]{{1,30}}?)? (?:(?:is|are|was|were|has been|have been) (?:now |just |successfully )*(?:{_DONE})|(?:was|were|has been|have been) (?:now |just |successfully )*(?:set|raised|lowered))\b|"
    rf"\b(?:is|are) now (?:{_DONE}|set)\b|\bfrom now on\b|\b(?:(?:the|your) (?:strategy|code)|it) (?:will )?now {_DOES}\b|"
    r"\b(?:ich habe .{0,60}(?:hinzugef[üu]gt|ge[äa]ndert|entfernt|gesetzt|ersetzt|angepasst|erhöht|gesenkt)|(?:wurden?|ist|sind) .{0,40}?(?:hinzugef[üu]gt|ge[äa]ndert|entfernt|ersetzt)|ab jetzt|strategie (?:kauft|verkauft|nutzt|verwendet|handelt) (?:jetzt|nun)|"
    r"(?:he|hemos|se ha|se han|ha sido|han sido) (?:añadido|agregado|quitado|cambiado|eliminado)|a partir de ahora|estrategia ahora (?:compra|vende|usa|opera)|"
    r"(?:j['’]ai|nous avons|a été|ont été) (?:ajout[ée]|enlev[ée]|chang[ée]|remplac[ée]|modifi[ée]|supprim[ée])|désormais)|"
    r"已(?:经)?(?:被)?(?:添加|加|修改|删除|改|设置|设为|移除)|(?:追加|変更|削除|設定|修正)(?:しました|されました)",
    _I,
)
# Before or in a claim, what is not so or would be so; behind it, that nothing is meant; and anywhere, that it became so by others, or long ago.
_NOT = re.compile(
    r"\b(?:not|no|none|neither|nothing|never|if|when|once|would|could|should|nichts?|kein\w*|wenn|würde|nada|ningún|ninguna?|si|rien|aucune?)\b|n['’]t\b|没|未|不|如果|もし",
    _I,
)
_NOTHING = re.compile(r"\s+(?:nothing|no\b|none|nichts|nada|rien)", _I)
_PAST = re.compile(r"\bin version \d+\b|^(?!.*\b(?:i|we|ich|wir)\b).*\b(?:by hand|von hand|a mano|à la main)\b", _I)


def asks_for_change(turn: str) -> bool:
    """Tells whether the person's words ask that something is written or changed, and are no question about it."""
    if _TELLS.search(turn):
        return False
    sentences = [each for each in re.split(r"(?<=[.!?。！？])\s*|\n", turn) if each.strip()]
    # “Kein Trade seit Montag, warum?”: what it ends with is the question, unless that is how a request is put.
    clauses = [each for each in re.split(r"[.,:;!?。，：；！？\n]\s*", turn) if each.strip()]
    if turn.rstrip().endswith(("?", "？")) and clauses and (_ASKS.search(clauses[-1]) or _QUESTION.search(clauses[-1])):
        return False
    wanted = bool(_WANTS.search(turn)) and not _ASKS.search(turn)
    return wanted or any(_COMMANDS.search(each) for each in sentences[1:])


def claims_change(text: str) -> str:
    """The words of an answer that say something was changed; empty when it does not."""
    for sentence in re.split(r"(?<=[.!?。！？])\s*|\n", text):
        for match in _CLAIMS.finditer(sentence):
            # “Not a problem: I added the stop” is not of what is not so.
            begins = max((each.end() for each in re.finditer(r"[,:;，：；]", sentence[: match.start()])), default=0)
            ends = re.search(r"[,:;，：；]|$", sentence[match.end() :])
            clause = sentence[begins : match.end() + (ends.start() if ends else 0)]
            denied = _NOT.search(sentence[begins : match.end()]) or _NOTHING.match(sentence, match.end())
            if not denied and not _PAST.search(clause):
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
