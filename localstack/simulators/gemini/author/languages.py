"""Words of other languages, put into English before a request is read, and numbers that are written as words."""

from __future__ import annotations

import re

_GERMAN = {
    r"\bkauf\w*": "buy",
    r"\bverkauf\w*": "sell",
    r"\bwenn|\bfalls|\bsobald": "when",
    r"\bgleitende\w* durchschnitt\w*|\bdurchschnitt\w*": "average",
    r"\bnach oben (?:kreuzt|schneidet)|\bnach oben": "crosses above",
    r"\bnach unten (?:kreuzt|schneidet)|\bnach unten": "crosses below",
    r"\bkreuzt\b|\bschneidet\b": "crosses",
    r"\b(?:ueber|über|oberhalb)\b": "above",
    r"\b(?:unter|unterhalb)\b": "below",
    r"\bfällt\b|\bfaellt\b": "falls",
    r"\bsteigt\b": "rises",
    r"\bund\b": "and",
    r"\boder\b": "or",
    r"\ber\b": "it",
    r"\bstunde\b": "hour",
    r"\bersten\b": "first",
    r"\bletzten\b": "last",
    r"\bnur\b": "only",
    r"\bprozent\b": "%",
    r"\bverlust\w*": "loss",
    r"\bgewinn\w*": "profit",
    r"\bkapitals?\b": "capital",
    r"\b(?:von|des|vom)\b": "of",
    r"\btage?[sn]?\b": "day",
    r"\bminuten?\b": "minute",
    r"\b(?:der|die|das|den|dem)\b": "the",
    r"[- ]?(?:balken|kerzen|perioden)\b": " bar",
}
_SPANISH = {
    r"\bcompra\w*": "buy",
    r"\bvend\w+|\bvende\b": "sell",
    r"\bcuando\b|\bsi\b(?= )": "when",
    r"\bmedia(?: móvil| movil)?\b": "average",
    r"\bcruza (?:por )?(?:encima|arriba)(?: de)?": "crosses above",
    r"\bcruza (?:por )?(?:debajo|abajo)(?: de)?": "crosses below",
    r"\b(?:cae|baje|baja|caiga)\b": "falls",
    r"\b(?:sube|suba)\b": "rises",
    r"\b(?:por )?(?:debajo|abajo)(?: de)?\b": "below",
    r"\b(?:por )?(?:encima|arriba)(?: de)?\b": "above",
    r"\bestá\b|\besté\b": "is",
    r"\by\b": "and",
    r"\b(?:el|la|los|las)\b": "the",
    r"\bde\b": "of",
    r"\bsolo\b|\bsólo\b": "only",
    r"\bprimera hora\b": "first hour",
    r"\búltima hora\b": "last hour",
    r"\bpérdidas?\b": "loss",
    r"\bvelas?\b|\bbarras?\b|\bperiodos\b": "bar",
}
_FRENCH = {
    r"\bach[eè]t\w*": "buy",
    r"\bvend\w*": "sell",
    r"\b(?:quand|lorsque|si)\b": "when",
    r"\bmoyenne(?: mobile)?\b": "average",
    r"\bcroise (?:au[- ]dessus|à la hausse)(?: de)?": "crosses above",
    r"\bcroise (?:au[- ]dessous|en dessous|à la baisse)(?: de)?": "crosses below",
    r"\b(?:passe|tombe|descend)\b": "falls",
    r"\bmonte\b": "rises",
    r"\b(?:sous|au[- ]dessous(?: de)?|en[- ]dessous(?: de)?)": "below",
    r"\bau[- ]dessus(?: de)?": "above",
    r"\bet\b": "and",
    r"\b(?:le|la|les)\b": "the",
    r"\bde\b": "of",
    r"\bpremière heure\b": "first hour",
    r"\bdernière heure\b": "last hour",
    r"\bperte\b": "loss",
    r"\bbarres?\b|\bbougies?\b|\bpériodes\b": "bar",
}
_SIGNS = {
    "de": (_GERMAN, r"\b(?:kaufe?n?|verkauf\w*|wenn|und|über|unter|durchschnitt\w*)\b"),
    "es": (_SPANISH, r"\b(?:compra\w*|vend[ea]\w*|cuando|media|encima|debajo)\b"),
    "fr": (_FRENCH, r"\b(?:ach[eè]t\w*|vend\w*|quand|lorsque|moyenne|dessus|sous)\b"),
}
_WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
}


def in_english(request: str) -> str:
    """A request in lower case, in English words as far as they are known, its numbers written as digits."""
    text = " ".join(request.lower().split())
    language, signs = max(
        ((name, len(re.findall(sign, text))) for name, (_, sign) in _SIGNS.items()), key=lambda x: x[1]
    )
    if signs >= 2:
        # A comma between digits is a decimal point there.
        text = re.sub(r"(\d),(\d)", r"\1.\2", text)
        for word, english in _SIGNS[language][0].items():
            text = re.sub(word, english, text)
    else:
        text = re.sub(r"(\d),(\d{3})\b", r"\1\2", text)
    for word, value in _WORDS.items():
        text = re.sub(rf"\b{word}\b", str(value), text)
    text = re.sub(r"\bdouble\b|\btwice\b", "2 times", text)
    text = re.sub(r"\bper ?cent\b", "%", text)
    return re.sub(r"\bmoving averages?\b|\bma\b|\bmean\b", "average", text)
