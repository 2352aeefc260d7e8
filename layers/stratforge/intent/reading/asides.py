"""Takes out what carries no decision: politeness, reasons, stories, headings; only where nothing in it can decide anything."""

from __future__ import annotations

import re
from functools import cache

from stratforge.intent.elements import elements_of
from stratforge.intent.reading.rewriting import Rewriting
from stratforge.intent.reading.words import COMPANIES, PHRASES, TICKERS

_I = re.IGNORECASE
_COMPANY = re.compile(rf"\b(?:{'|'.join(sorted((re.escape(each) for each in COMPANIES if each.isascii()), key=len, reverse=True))})\b", _I)  # fmt: skip


# Words that decide something, or may: no stretch with one of them is passed over.
_DECIDES = re.compile(
    r"\d|[%$<>=≥≤≈±]"
    r"|\b(?:buy\w*|bought|sell\w*|sold|enter\w*|entry|entries|exit\w*|long|longs|short\w*|clos(?:e|es|ed|ing)|open\w*|hold\w*|held|holds|cover\w*|flat\w*|liquidat\w*"
    r"|not|no|never|none|nothing|neither|nor|without|avoid\w*|skip\w*|except\w*|unless|only|just|instead|rather|other than|ignor\w*|stop\w*|quit\w*|halt\w*|paus\w*|wait\w*|until|till|cooldown\w*|cool"
    r"|don'?t|doesn'?t|won'?t|can'?t|isn'?t|aren'?t|shouldn'?t|mustn'?t|cannot"
    r"|if|when|whenever|once|while|during|before|after|within|between|every|each|per|daily|weekly|monthly|hourly|weekend\w*|day|days|week\w*|month\w*|year\w*|hours?|minutes?|mins?|seconds?|bars?|candles?|morning\w*|afternoon\w*|evening\w*|night\w*|overnight|lunch\w*|noon|session\w*|mon|tue|wed|thu|fri|sat|sun|\w+day|\w+days|early|late|premarket|pre-market|extended|holiday\w*|earnings|news|fomc|cpi|fed"
    r"|max\w*|min|minimum|most|least|more|less|fewer|limit\w*|cap|capped|up to|half|quarter|third|fifth|sixth|eighth|tenth|power|rest|all|both|either|or|any|again|twice|double\w*|triple\w*|pyramid\w*|scal(?:e|es|ing) (?:in|out|up|down)|averag\w*|martingale|reinvest\w*|compound\w*|rebalanc\w*|hedg\w*|leverag\w*|margin|options?|futures|puts?(?! (?:in|on)to\b)|calls?(?! (?:it|this|that)\b)|allocation|stakes?|notional|qty|quantity|units?|amounts?|exposure|bet|bets|risk\w*|siz(?:e|ing)\w*|position\w*|equity|cash|account|capital|portfolio|shares?|lots?|dollars?|bucks|percent\w*|profit\w*|loss\w*|gain\w*|target\w*|trail\w*|tp|sl|breakeven"
    r"|above|below|over|under|cross\w*|break(?:s|ing)?|touch\w*|hits?|reach\w*|rise\w*|rising|fall\w*|drop\w*|higher|lower|highest|lowest|high|low|positive|negative|green|red|oversold|overbought|bullish|bearish"
    r"|(?!(?:really|basically|actually|honestly|simply|totally|finally|hopefully|obviously|personally|lately|recently|probably|kindly|truly|family|friendly|reply|fully|nicely|early|likely|unlikely|generally)\b)\w+ly|minus|plus|outside|inside of|winn\w*|los(?:ing|e|es|er|ers)|nicht|kein\w*|nie|nur|ohne|au(?:ss|ß)er|sauf|pas|jamais|sans|hors|sin|excepto|salvo|nunca|solo|sometimes|seldom|often|twofold|\w+fold|first|tomorrow|today|yesterday|leave|remove|delete|forget|cancel|undo|keep|out|almost|roughly|approx\w*|kind of|sort of|somewhat|maybe|perhaps|much|many|few|several|some(?=\s*(?:shares|more))|big|small|large|little|tiny|huge|slow|fast|quick|tight|wide|deep|strong|weak"
    r"|nibbl\w*|scoop\w*|grab\w*|snag\w*|snap(?:s|ped)? up|pick(?:s|ed|ing)? \w* ?up|load\w*|accumulat\w*|hop(?:s|ping)?|jump\w*|dump\w*|ditch\w*|unload\w*|offload\w*|bail\w*|flip\w*|dispos\w*|get(?:s|ting)? (?:in|out|long|flat|rid|into|me)|go(?:es|ing)? (?:long|flat|in|into|all)|let \w+ go|cash(?:es|ing)? \w+|cut(?:s|ting)?|kill\w*|abandon\w*|book(?:s|ing)?|bank(?:s|ing)?|lock\w*|own(?:s|ing)?|invest\w*|acquir\w*|purchas\w*|allocat\w*|deploy\w*|commit\w*|exposure|unwind\w*|trim\w*|add(?:s|ing)?|compra\w*|vend\w*|achet\w*|kauf\w*|verkauf\w*"
    r"|must|need\w*|require\w*|confirm\w*|volatil\w*|volume|liquid\w*|trend\w*|sideways|range\w*|spread\w*|gap\w*|slippage|fee\w*|commission\w*|market order|limit order)\b",
    _I,
)
# What may do so beyond the words of a heading: what is done to a position, and what is measured.
_DOES = re.compile(
    r"\b(?:add(?:s|ing)?|reverse[sd]?|invert\w*|opposite|flip\w*|repeat\w*|reload\w*|refill\w*|re-?ent\w*|stack\w*|grids?|dca|ladder\w*|split\w*|tranches?|partial\w*|rais(?:e|es|ing)|lowers?|tighten\w*|widen\w*|adjust\w*|reduc\w*|increas\w*|decreas\w*|trim\w*|take|takes|run|use|uses|using|apply|based|follow\w*|signal\w*|filter\w*|rules?)\b",
    _I,
)
# Nouns that name a kind of strategy in a heading.
_STYLE = re.compile(
    r"\b(?:trend(?:s| following)?|range|gaps?|volume|open|opening drive|triple screen|drive|volatil\w*|break ?outs?|crosses|cross(?:over)?s?|dip buy(?:er|ing)|dips?|oversold|overbought|bullish|bearish|need|overnight hold|mid(?:line)?|power hour|day trad\w+|intraday|buy(?:ing)? (?:the )?(?:dip|weakness|strength)s?|sell(?:ing)? (?:the )?(?:strength|rip)s?|chandelier exit|midline exit|long(?:-| )only|long side|long trigger|spike|fade|spread)\b",
    _I,
)
_BUYS = r"(?:buys?|buying|enters?|entering|entry|goes? long|get(?:s)? (?:in|long)|long|purchases?|acquires?|grabs?|scoops?|picks? up|hops? in|snipes?|sells?|exits?|i buy|waits? for)\b"
# What asks for a strategy, up to its first verb.
_FRAME = re.compile(
    rf"(?:^|(?<=[.!?\n:])|(?<=^hi)|(?<=, ))\s*(?P<body>[^.;:!?\n]{{2,90}}?)\s*\b(?:that|which|where|who|to|is|be)\b,? ?(?:(?:i|it|we|you|he|they) )?(?:basically |just |simply |will |would |should |can )?(?={_BUYS})",
    _I,
)
_HEADING = re.compile(r"(?:^|(?<=[.!?\n:]))[ \t]*(?P<body>[^.;:!?\n—–|]{2,90}?)[ \t]*(?P<end>:(?!\d)|\.+(?=\s)|!+|\?+(?= [A-Z]|$)|\n| [—–|] |\.?$)", re.MULTILINE)  # fmt: skip
_QUOTED = re.compile(r"[\"“](?P<body>[^\"”\n]{2,40})[,.]?[\"”]")
_SO = re.compile(r"(?:^|(?<=[.!?\n]))[ \t]*(?P<body>i [^.;:!?\n,]{3,60}), so (?=only|just|buy|sell|please|i )", _I)
_LABEL = re.compile(r"\b(?:strategy|bot|setup|system) name\b|\b(?:my|a|the) rule of thumb\b|\bas a rule\b|\b(?:the|my|a) (?:\w+ )?rule\b|\brules? for\b|\bnew rule\b", _I)  # fmt: skip
_CAPITALS = re.compile(r"\$[A-Za-z]{1,5}\b|\b[A-Z]{1,5}(?:/USD|\.[A-Z])?\b|\b[a-z]{3,5}\b(?![-'])")
_REASON = r"because|since(?! (?:i|the|my|we|it|entry|entering|buying)\b)|as (?:it|they|that|this) (?:tends?|usually|normally|often)|so that|which (?:tends?|usually|often|normally)|i (?:think|believe|feel|figure|find|noticed|guess|reckon|know|like that)|people (?:say|think)|idea: |reason: |(?:it's|that's) (?:just )?(?:chop\w*|noise|noisy|boring|fun)"
# A reason, up to the end of its clause.
_REASONS = re.compile(rf"(?P<gap>,?\s*)\b(?:{_REASON})\b ?(?P<body>(?:(?!,\s)[^.;:!?\n()])*)", _I)
_PRESENT = re.compile(
    r"\b(?:(?:many )?thanks, [A-Z][a-z]+\W*$|price action only|please|pls|plz|kindly|lol|lmao|haha|imo|imho|thx|thanks(?: (?:a lot|so much|a bunch|in advance|again|everyone|all|guys))?|many thanks|thank you(?: (?:so much|very much|in advance))?|cheers|much appreciated|appreciate it|tyvm|lmk|if possible|if you can|if that's ok(?:ay)?|nothing fancy|no fancy stuff|good (?:morning|afternoon|evening|day)\b,?|add this to my (?:paper )?account: ?|that's it|that's all|for me)\b(?: in advance)?[!]*",
    _I,
)
_THAT = re.compile(r"\b(?:(?:could|can|would) (?:you|u) (?:please )?(?:build|make|code|do|write|set up|program) (?:that|this|it|one)(?: up)?|(?:it|the (?:bot|strategy|system|algo)) (?:should|must|shall|needs to|has to|will|would)(?= (?:buy|sell|enter|exit|acquire|purchase|go long)\b)|(?:you|we|they|it|bot|the bot)(?= (?:buys?|sells?|bails?|enters?|exits?|loads? up|dumps?)\b))", _I)  # fmt: skip
_ENGLISH = re.compile(r"\b(?:the|an?|i|you|is|it|this|that|my|to|of|and|we|so|for|with|let|let's|was|be|yes|are|have|has|will|implement|done|thank\w*)\b", _I)  # fmt: skip
_ROLES = re.compile(
    r"(?:in|out|filters?|triggers?|releases?|setups?|conditions?|criteria|signals?|long triggers?|guards?|regime|outputs?|reset|switch (?:on|off)|also|then|otherwise|else|plus|note|caveat|but|and|safety|safeguards?|where|with)",
    _I,
)
# “Disney (DIS)”, “C (Citigroup)”.
_BY_TWO_NAMES = re.compile(r"(?:\b[A-Z][\w.&'-]+ ){0,2}\b[A-Z][\w.&'-]+(?: stock| shares)? \(([A-Z]{1,5}(?:\.[A-Z])?)\)|\b([A-Z]{1,5}) \((?:The )?[A-Z][a-z]+(?: [A-Z][a-z]+)*\)")  # fmt: skip
_NO_SYMBOLS = frozenset(
    """
    I A OK ET NY NYC EST EDT USD ETF AM PM AND OR NOT IF THEN THE LOL FYI TP SL EOD ORB US OHLC IN OUT TO ON AT
    """.split()  # noqa: SIM905 - a list of words is read as a text
)


def decides(text: str) -> bool:
    """Says whether a stretch of words may decide something: a number, a time, a side, a negation, a bound, a connective, or a word of trading."""
    return bool(_DECIDES.search(text)) or bool(elements_of(text))


@cache
def _measures() -> tuple[re.Pattern[str], dict[str, str]]:
    kinds = ("indicator", "band", "keltner", "donchian", "trend", "sar", "atr", "k_line", "d_line", "plus_di", "minus_di", "aroon", "cloud", "gap_up", "gap_down", "volume")  # fmt: skip
    names = {phrase: value if kind == "indicator" else kind for phrase, (kind, value) in PHRASES.items() if kind in kinds and len(phrase) > 2}  # fmt: skip
    names |= dict.fromkeys(("k%", "%k"), "stoch")
    longest = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<![\w])(?:{'|'.join(map(re.escape, longest))})(?![A-Za-z_])", _I), {each: str(value).partition(".")[0] for each, value in names.items()}  # fmt: skip


def _measured(text: str) -> set[str]:
    """The measures that a text names, each by its indicator."""
    pattern, names = _measures()
    return {names[match[0].lower()] for match in pattern.finditer(text)}


def _symbols(text: str) -> list[str]:
    """What may be symbols in a text: words in capitals, and names of companies."""
    found = [match[0] for match in _CAPITALS.finditer(text) if match[0] not in _NO_SYMBOLS and PHRASES.get(match[0].lower(), ("", ""))[0] != "indicator" and (match[0][0] == "$" or match[0].isupper() or "/" in match[0] or match[0] in TICKERS)]  # fmt: skip
    found += [match[0] for match in _COMPANY.finditer(text) if not any(match[0] in each for each in found) and not any(match[0].upper() == each for each in found)]  # fmt: skip
    return [each for index, each in enumerate(found) if each not in found[:index]]


def without_asides(said: Rewriting) -> None:
    """Takes out what carries no decision; the symbols in it are kept."""
    said.put(_PRESENT, ("",))
    for match in reversed(list(_BY_TWO_NAMES.finditer(said.text))):
        group = 1 if match[1] else 2
        names = said.text[match.start() : match.start(group)] + said.text[match.end(group) : match.end()]
        if not decides(names) and PHRASES.get(match[group].lower(), ("", ""))[0] not in ("indicator", "band", "keltner", "sar", "average") and match[group] not in _NO_SYMBOLS:  # fmt: skip
            said.replace(match, (group,))
    for match in reversed(list(_REASONS.finditer(said.text))):
        if (
            not decides(re.sub(r"\b\w+ly\b", "", match["body"]))
            and not _measured(match["body"])
            and not _symbols(match["body"])
        ):
            said.replace(match, ("",))
    for match in reversed(list(_SO.finditer(said.text))):
        if not decides(match["body"]) and not _measured(match["body"]) and not _symbols(match["body"]):
            said.replace(match, (" ",))
    for match in reversed(list(_QUOTED.finditer(said.text))):
        before = said.text[: match.start()]
        named = re.search(
            r"(?:\b(?:trades?|called|calls? (?:it|this|that)|nicknamed|named)(?: the| a)? |name:? ?)$", before, _I
        )
        plain = _STYLE.sub("", match["body"])
        if len(match["body"].split()) <= 5 and not re.search(r"\d", match["body"]) and (named or not (decides(plain) or _measured(plain))):  # fmt: skip
            said.replace(match, ("it",) if re.search(r"\bcalls? it (?:the )?$", said.text[: match.start()]) else ("",))
    said.put(_LABEL, ("",))
    said.put(_THAT, ("",))
    frame = _FRAME.search(said.text)
    if frame and not decides(_STYLE.sub("", frame["body"])) and not (_measured(frame["body"]) - _measured(said.text[frame.end() :])):  # fmt: skip
        kept = _symbols(frame["body"])
        said.replace(frame, (f" {' '.join(kept)}: " if kept else " ",))
    for match in reversed(list(_HEADING.finditer(said.text))):
        _take_out(said, match)


def _take_out(said: Rewriting, match: re.Match[str]) -> None:
    """Takes out a sentence, or a heading, in which nothing decides."""
    body, rest = match["body"], said.text[match.end() :]
    kept = _symbols(body)
    names = re.sub("|".join(map(re.escape, kept)) or r"(?!)", "", body)
    if _ROLES.fullmatch(names.strip(" ,-\t")) or (match["end"].strip() == ":" and match.start() > 90):
        # What a label is of, within a text, decides.
        return
    if match["end"].strip() != ":" and not _ENGLISH.search(names) and match.start() >= 60:
        return
    heading = match["end"].strip() in (":", "—", "–", "|") or "\n" in match["end"] or match.start() < 60
    plain = _STYLE.sub("", names) if heading else names
    if decides(plain) or (not heading and _DOES.search(plain)) or not re.search(r"[A-Za-z]{2}", names):
        return
    if _measured(plain) - (_measured(rest) if heading else set()):
        return
    if not kept and not names.strip():
        return
    said.replace(match, (f" {' '.join(kept)}{': ' if match['end'].strip() == ':' else '. '}" if kept else " ",))
