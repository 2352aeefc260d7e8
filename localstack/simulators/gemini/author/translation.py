"""Other languages, phrase by phrase, into the English that the grammar reads. Words that have no entry stay as they are, and are then asked about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Phrases = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_DAYS = ("mondays", "tuesdays", "wednesdays", "thursdays", "fridays")


def _at(match: re.Match[str]) -> str:
    """A time of day, with its word before it."""
    word = {"um": "at", "vor": "before", "bis": "until", "nach": "after", "ab": "after"}.get(match[1].lower(), "at")
    return f"{word} {match[2]}:{match[3] or '00'}"


# Longer phrases first: each is replaced wherever it stands.
_GERMAN: Phrases = (
    (r"(\d),(\d)", r"\1.\2"),
    (r"\b(um|vor|nach|ab|bis) (\d{1,2})(?:[:.](\d\d))? ?uhr\b", _at),
    (r"\b(um) (\d{1,2}):(\d\d)\b", _at),
    (r"\b(?:berliner|deutscher) zeit\b", "Berlin time"),
    (r"\bnew[- ]yorker zeit\b", "New York time"),
    (r"\bdarunter (?:fällt|faellt|sinkt)\b", "falls below it"),
    (r"\bdarüber steigt\b", "rises above it"),
    (r"\b(?:der|die|das|den|dem|des|ein|eine|einen|einem|einer)\b", "the"),
    (
        r"\bnicht (unter|über|ueber|oberhalb|unterhalb|größer als|höher als|kleiner als|niedriger als)(?: von)? ([\w.$%€ -]{1,40}?) (?:liegt|ist|notiert|steht)\b",
        lambda m: (
            f"is not {'below' if m[1].lower() in ('unter', 'unterhalb', 'kleiner als', 'niedriger als') else 'above'} {m[2]}"
        ),
    ),
    (
        r"\b(unter|über|ueber|oberhalb|unterhalb)(?: von)? ([\w.$%€ -]{1,40}?) (?:fällt|faellt|steigt|liegt|ist|geht|notiert|schließt|steht)\b",
        r"is \1 \2",
    ),
    (r"\b(nach oben|nach unten) (?:kreuzt|schneidet|durchbricht)\b", r"kreuzt \1"),
    (
        r"\bthe (\S+[ -]\S*durchschnitt\w*|\S*-?(?:ema|sma)\S*) the (\S+[ -]\S*durchschnitt\w*|\S*-?(?:ema|sma)\S*) (?:kreuzt|schneidet) nach oben",
        r"\1 crosses above \2",
    ),
    (
        r"\bthe (\S+[ -]\S*durchschnitt\w*|\S*-?(?:ema|sma)\S*) the (\S+[ -]\S*durchschnitt\w*|\S*-?(?:ema|sma)\S*) (?:kreuzt|schneidet) nach unten",
        r"\1 crosses below \2",
    ),
    (r"\b(?:kreuzt|schneidet) nach oben", "crosses above"),
    (r"\b(?:kreuzt|schneidet) nach unten", "crosses below"),
    (r"\b(?:aber )?nicht (montag|dienstag|mittwoch|donnerstag|freitag)s\b", r"not on \1s"),
    (r"\bmontags?\b", "monday"),
    (r"\bdienstags?\b", "tuesday"),
    (r"\bmittwochs?\b", "wednesday"),
    (r"\bdonnerstags?\b", "thursday"),
    (r"\bfreitags?\b", "friday"),
    (
        r"\bhöchstens (?:(zwei)|(drei)|(ein\w*)|(\d+)) (?:trades?|käufe|mal) (?:pro|am) tag",
        lambda m: f"at most {'2' if m[1] else '3' if m[2] else '1' if m[3] else m[4]} trades per day",
    ),
    (r"\bverkauf\w*", "sell"),
    (r"\b(?:ein)?kauf\w*", "buy"),
    (r"\b(?:wenn|falls|sobald)\b", "when"),
    (r"[- ]?(?:balken|kerzen|perioden|bars?)(?:[- ](?=gleit|durch|linie))?\b", " bar "),
    (r"[- ]?tage?s?[- ](?=durchschnitt|linie|gleit|ema|sma)", " day "),
    (r"\b(\d+)er\b", r"\1 bar"),
    (r"\b(?:gleitende\w* )?durchschnitt\w*|\bgleitende\w* mittel\w*", "average"),
    (r"(?<=\bbar )gd\b|(?<=\bday )gd\b|\bgd(?=[ -]?\(?\d)", "sma"),
    (r"\b(?:über|ueber|oberhalb)(?: von)?\b", "above"),
    (r"\b(?:unter|unterhalb)(?: von)?\b", "below"),
    (r"\b(?:und|sowie)\b", "and"),
    (r"\boder\b", "or"),
    (r"\b(?:er|es|sie) (?:ihn|sie|the)\b", "it"),
    (r"\b(?:er|es|sie|ihn)\b", "it"),
    (r"\bist\b|\bliegt\b", "is"),
    (r"\b(?:fällt|faellt)\b", "falls"),
    (r"\bsteigt\b", "rises"),
    (r"\bbei (\d+(?:\.\d+)?) ?(?:%|prozent) (?:verlust\w*)", r"at \1 % loss"),
    (r"\bbei (\d+(?:\.\d+)?) ?(?:%|prozent) (?:gewinn\w*)", r"at \1 % profit"),
    (r"\bprozent\b", "%"),
    (r"\bverlust\w*", "loss"),
    (r"\bgewinn(?:mitnahme|ziel)\w*", "take profit"),
    (r"\bgewinn\w*", "profit"),
    (r"\bstopp?[- ]?loss\b", "stop loss"),
    (r"\b(?:mit|bei|von)\b", "at"),
    (r"\bnur (?:am )?(?=monday|tuesday|wednesday|thursday|friday)", "only on "),
    (r"\bnur\b", "only"),
    (r"\bersten stunde\b", "first hour"),
    (r"\bletzten stunde\b", "last hour"),
    (r"\bin the first hour\b", "in the first hour"),
    (r"\bminuten\b", "minutes"),
    (r"\bstunden\b", "hours"),
    (r"\bnach\b", "after"),
    (r"\bbitte\b", "please"),
    (r"\baktien?\b", "shares"),
    (r"\bkurs\b|\bpreis\b", "price"),
)
_SPANISH: Phrases = (
    (r"\b(a) las? (\d{1,2})(?::(\d\d))?(?: ?(?:horas|h))?\b", _at),
    (r"\bhora de (madrid|nueva york)\b", lambda m: f"{'Madrid' if m[1].lower() == 'madrid' else 'New York'} time"),
    (r"\b(?:añad[ea]|agreg(?:a|ue)) un (?=stop)", "add a "),
    (r"(\d),(\d)", r"\1.\2"),
    (r"\bpor debajo del?\b|\bdebajo del?\b|\bbajo\b|\bmenor (?:que|a)\b|\binferior a\b", "below"),
    (r"\bpor encima del?\b|\bpor arriba del?\b|\bencima del?\b|\bsobre\b|\bmayor (?:que|a)\b|\bsuperior a\b", "above"),
    (r"\bcruz[ae] (?:hacia arriba|al alza)(?: (?:a )?la)?", "crosses above the"),
    (r"\bcruz[ae] (?:hacia abajo|a la baja)(?: (?:a )?la)?", "crosses below the"),
    (r"\bcruz[ae]\b", "crosses"),
    (r"\b(?:quiero|quisiera|me gustaría|deseo)\b", ""),
    (r"\b(?:baj[ae]|cae|caiga|descienda|desciende) (?:por debajo )?de (?=\d)", "falls below "),
    (r"\b(?:sub[ae]|aumenta|pase|supere?) (?:por encima )?de (?=\d)|\bsuper[ae] (?=\d)", "rises above "),
    (r"\b(?:(\d+(?:\.\d+)?) ?% de (?:ganancia|beneficio)s?)", r"\1% profit"),
    (r"\bcompr\w*", "buy"),
    (r"\bvend\w*", "sell"),
    (
        r"\bsalvo los (?:(lunes)|(martes)|(miércoles)|(jueves)|(viernes))",
        lambda m: f"except on {_DAYS[(m.lastindex or 1) - 1]}",
    ),
    (r"\bbaja de\b", "falls below"),
    (r"\bsube de\b", "rises above"),
    (r"\bla media (?:móvil|movil) de (\d+) cruza above la de (\d+)", r"\1 bar average crosses above \2 bar average"),
    (r"\bla media (?:móvil|movil) de (\d+) cruza below la de (\d+)", r"\1 bar average crosses below \2 bar average"),
    (r"\bcuando\b|\bsi\b", "when"),
    (
        r"\bmedia (?:móvil|movil)?(?: ?simple)? de (\d+)(?: (?:velas?|barras?|periodos?|períodos?|minutos?))?",
        r"\1 bar average",
    ),
    (
        r"\bmedia (?:móvil|movil) exponencial de (\d+)(?: (?:velas?|barras?|periodos?|períodos?|minutos?))?",
        r"\1 bar ema",
    ),
    (r"\b(?:días|dias|día|dia)\b", "day"),
    (r"\b(?:está|esté|esta|este|es)\b", "is"),
    (r"\b(?:cae|baje|baja|caiga)(?: de)?\b", "falls"),
    (r"\b(?:sube|suba)(?: de)?\b", "rises"),
    (r"\b(?:el|la|los|las|un|una|su)\b", "the"),
    (r"\by\b|\be\b", "and"),
    (r"\bo\b", "or"),
    (r"\b(?:solo|sólo|solamente)\b", "only"),
    (r"\bprimera hora\b", "first hour"),
    (r"\búltima hora\b", "last hour"),
    (r"\bdurante\b", "during"),
    (r"\bstop[- ]?loss del?\b", "stop loss of"),
    (r"\btoma de (?:ganancias|beneficios) del?\b|\btake profit del?\b", "take profit of"),
    (r"\bpérdidas?\b|\bperdidas?\b", "loss"),
    (r"\bprecio\b", "price"),
    (r"\bminutos\b", "minutes"),
    (r"\bdespués de\b", "after"),
    (r"\bpor favor\b", "please"),
    (r"\bcon\b", "with"),
    (r"\bdel?\b", "of"),
)
_FRENCH: Phrases = (
    (r"(?<!\w)(à) (\d{1,2}) ?(?:h|heures?)(?: ?(\d\d))?\b", _at),
    (r"\bheure de (paris|new[- ]york)\b", lambda m: f"{'Paris' if m[1].lower() == 'paris' else 'New York'} time"),
    (r"(\d),(\d)", r"\1.\2"),
    (r"\b(?:passe|est|tombe|descend|repasse|monte|revient)? ?(?:au[- ]dessus|à la hausse)(?: d[eu'’])?", " is above "),
    (
        r"\b(?:passe|est|tombe|descend|repasse)? ?(?:sous|au[- ]dessous(?: d[eu])?|en[- ]dessous(?: d[eu])?|à la baisse)\b",
        " is below ",
    ),
    (r"\bcroise\s+is (above|below)", r"crosses \1"),
    (r"\bdépasse\b", "is above"),
    (r"\blorsqu['’]|\bdès qu['’]", "when "),
    (r"\bje (?:veux|voudrais|souhaite)\b", ""),
    (r"\bun stop (?:de|à)\b", "a stop loss of"),
    (r"\b(?:est )?inférieur à\b", "is below"),
    (r"\b(?:est )?supérieur à\b", "is above"),
    (r"\bavant midi\b", "before noon"),
    (r"\b(?:ach[eè]t\w*)", "buy"),
    (r"\bvend\w*|\brevend\w*", "sell"),
    (r"\b(?:quand|lorsque|si|dès que)\b", "when"),
    (
        r"\bmoyenne(?: mobile)?(?: simple)?(?: (?:à|sur|de))? (\d+)(?: (?:barres|bougies|périodes|minutes))?",
        r"\1 bar average",
    ),
    (
        r"\bmoyenne(?: mobile)? exponentielle(?: (?:à|sur|de))? (\d+)(?: (?:barres|bougies|périodes|minutes))?",
        r"\1 bar ema",
    ),
    (r"\bjours?\b", "day"),
    (r"\b(?:le|la|les|un|une|son|sa)\b|\bl['’]", "the "),
    (r"\bet\b", "and"),
    (r"\bou\b", "or"),
    (r"\bseulement\b|\buniquement\b", "only"),
    (r"\bpremière heure\b", "first hour"),
    (r"\bdernière heure\b", "last hour"),
    (r"\bpendant\b|\bdans\b", "in"),
    (r"\bstop[- ]?loss (?:de|à)\b", "stop loss of"),
    (r"\bprise de bénéfices? (?:de|à)\b|\btake profit (?:de|à)\b", "take profit of"),
    (r"\b(?:de|du|des)\b", "of"),
    (r"\bprix\b|\bcours\b", "price"),
    (r"\bil\b|\belle\b", "it"),
    (r"\baprès\b", "after"),
    (r"\bavec\b", "with"),
    (r"\bs['’]il (?:vous|te) pla[iî]t\b", "please"),
)
_CHINESE: Phrases = (
    (r"(\d+) ?(?:日|天)(?:的)?(?:简单)?(?:移动)?(?:平均线|均线)", r" \1 day average "),
    (r"(\d+) ?(?:周期|分钟|根|根K线)?(?:的)?(?:简单)?(?:移动)?(?:平均线|均线)", r" \1 bar average "),
    (r"(?:向上)?(?:上穿|突破)", " crosses above "),
    (r"(?:向下)?(?:下穿|跌破)", " crosses below "),
    (
        r"周(?:(一)|(二)|(三)|(四)|(五))不(?:交易|买入|买)",
        lambda m: f" . not on {_DAYS[(m.lastindex or 1) - 1]} ",
    ),
    (r"[,，、;；] ?(?=(?:RSI|价格)?(?:低于|高于|小于|大于|跌破|突破|下穿|上穿|crosses))", ", when "),
    (r"^(?=RSI|价格)", "when "),
    (r"(?:跌到|降到|跌至)?(?:低于|小于|跌到) ?", " is below "),
    (r"(?:涨到|升到|涨至)?(?:高于|大于|超过) ?", " is above "),
    (r"止损(?:为|设为|设在|在)? ?(\d+(?:\.\d+)?) ?%", r" stop loss \1% "),
    (r"止盈(?:为|设为|设在|在)? ?(\d+(?:\.\d+)?) ?%", r" take profit \1% "),
    (r"当|如果|若", " when "),
    (r"买入|买进|购买|买", " buy "),
    (r"卖出|卖掉|卖", " sell "),
    (r"苹果(?:公司)?", " Apple "),
    (r"特斯拉", " Tesla "),
    (r"比特币", " bitcoin "),
    (r"或者?", " or "),
    (r"并且|而且|且|和|并", " and "),
    (r"[时就的请它则]", " "),
)
_JAPANESE: Phrases = (
    (r"(\d+) ?日(?:の)?(?:単純)?移動平均(?:線)?", r" \1 day average "),
    (r"(\d+) ?(?:本|期間|分|バー)?(?:の)?(?:単純)?移動平均(?:線)?", r" \1 bar average "),
    (
        r"([A-Za-z]+|average) ?[がは] ?(\d+(?:\.\d+)?) ?(?:を下回ったら|を下回ると|を下回れば|を下回った時|より下がったら|以下になったら|未満なら)",
        r" when \1 is below \2 ",
    ),
    (
        r"([A-Za-z]+|average) ?[がは] ?(\d+(?:\.\d+)?) ?(?:を上回ったら|を上回ると|を上回れば|を上回った時|を超えたら|以上になったら)",
        r" when \1 is above \2 ",
    ),
    (r"(\d+(?:\.\d+)?) ?(?:を下回ったら|を下回ると|以下になったら)", r" when below \1 "),
    (r"(\d+(?:\.\d+)?) ?(?:を上回ったら|を上回ると|を超えたら|以上になったら)", r" when above \1 "),
    (
        r"(\d+ bar average) ?[がは] ?(\d+ bar average) ?を(?:上抜けたら|上回ったら|上に抜けたら|上抜いたら)",
        r" when \1 crosses above \2 ",
    ),
    (
        r"(\d+ bar average) ?[がは] ?(\d+ bar average) ?を(?:下抜けたら|下回ったら|下に抜けたら)",
        r" when \1 crosses below \2 ",
    ),
    (r"([A-Z]{1,5}) ?を ?(?:買い|買う|買って|購入(?:し|する)?)", r" buy \1 "),
    (r"([A-Z]{1,5}) ?を ?(?:売り|売る|売って|売却(?:し|する)?)", r" sell \1 "),
    (r"([A-Za-z]+) ?[がは] ?(\d+(?:\.\d+)?) ?以下で", r" when \1 is at or below \2 "),
    (r"([A-Za-z]+) ?[がは] ?(\d+(?:\.\d+)?) ?以上で", r" when \1 is at or above \2 "),
    (r"(\d+(?:\.\d+)?) ?以下で", r" when at or below \1 "),
    (r"(\d+(?:\.\d+)?) ?以上で", r" when at or above \1 "),
    (r"(?:買い|買う|買って|購入(?:する)?)", " buy "),
    (r"(?:売り|売る|売って|売却(?:する)?)", " sell "),
    (r"損切り(?:は)? ?(\d+(?:\.\d+)?) ?%", r" stop loss \1% "),
    (r"利確(?:は)? ?(\d+(?:\.\d+)?) ?%", r" take profit \1% "),
    (
        r"ただし(月|火|水|木|金)曜日?は買わない",
        lambda m: f" . not on {_DAYS['月火水木金'.index(m[1])]} ",
    ),
    (r"ます|です|ください|てください", " "),
)
_SIGNS = (
    (_JAPANESE, r"[\u3040-\u30ff]", 2),
    (_CHINESE, r"[\u4e00-\u9fff]", 2),
    (_GERMAN, r"\b(?:kaufe?n?|verkauf\w*|wenn|und|über|unter|durchschnitt\w*|fällt|steigt|oder)\b", 2),
    (_SPANISH, r"\b(?:compra\w*|vend[ea]\w*|cuando|media|encima|debajo|cruce|cruza)\b", 2),
    (_FRENCH, r"\b(?:ach[eè]t\w*|vend\w*|quand|lorsque|moyenne|dessus|sous)\b", 2),
)


_ENGLISH = re.compile(
    r"\b(?:the|when|buy|sell|use|only|add|make|and|with|without|remove|instead|change|it|please|not|at|above|below)\b",
    re.IGNORECASE,
)


def in_english(requests: Sequence[str]) -> list[str]:
    """The turns in English, as far as their phrases are known; in English already, they stay as they are.

    A turn too short to tell is in the language of those before it.
    """
    found = list[str]()
    spoken: Phrases = ()
    for request in requests:
        signs = (each for each, sign, needed in _SIGNS if len(re.findall(sign, request, re.IGNORECASE)) >= needed)
        spoken = next(signs, () if _ENGLISH.search(request) else spoken)
        text = request
        if spoken:
            text = request.replace("，", ", ").replace("。", ". ").replace("、", ", ").replace("％", "%")
        for phrase, english in spoken:
            text = re.sub(phrase, english, text, flags=re.IGNORECASE)
        found.append(text)
    return found
