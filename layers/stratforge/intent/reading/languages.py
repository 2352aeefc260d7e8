"""The closed vocabulary in German, Spanish, French, Chinese and Japanese: the words of the common strategies, by the same kinds as the English ones."""

from __future__ import annotations

import re
from functools import cache

_DAYS = {
    "de": ("montag", "dienstag", "mittwoch", "donnerstag", "freitag"), "es": ("lunes", "martes", "miércoles", "jueves", "viernes"), "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi"),
    "zh": ("周一", "周二", "周三", "周四", "周五"), "ja": ("月曜日", "火曜日", "水曜日", "木曜日", "金曜日"),
}  # fmt: skip
# By which words a language is known.
_KNOWN_BY = {
    "zh": re.compile(r"[买卖时损于仓]|金叉|死叉"),
    "ja": re.compile(r"[ぁ-んァ-ン]"),
    "de": re.compile(
        r"\b(?:ver)?kauf\w*|\bwenn\b|\bnur\b|\bfüge\b|\bsobald\b|\bgewinnmitnahme\b|\bhöchstens\b|\bnicht\b",
        re.IGNORECASE,
    ),
    "es": re.compile(r"\b(?:compra\w*|vend[ea]\w*|cuando|añade|sólo|usa)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(?:ach[eè]t\w*|vend(?:re|s|ez)|quand|lorsqu\w*|ajoute\w*)\b", re.IGNORECASE),
}
_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {
        "next_open": ("eröffnung am nächsten tag", "zur eröffnung am nächsten tag", "zur eröffnung des nächsten tages", "am nächsten tag zur eröffnung", "am nächsten tag bei eröffnung"), "buy": ("kaufe", "kaufen", "kauf", "kauft", "einsteigen", "einstieg"), "sell": ("verkaufe", "verkaufen", "verkauf", "verkauft", "aussteigen", "ausstieg"), "when": ("wenn", "falls", "sobald"), "and": ("aber", "und",), "or": ("oder",), "below": ("unter", "unterhalb", "unterhalb von", "kleiner als", "niedriger als"),
        "above": ("über", "oberhalb", "oberhalb von", "größer als", "höher als"), "fall": ("fällt", "sinkt"), "rise": ("steigt",), "is": ("ist", "liegt", "notiert", "steht"), "trade": ("schließt",), "cross": ("kreuzt", "schneidet"), "upwards": ("nach oben", "von unten nach oben", "von unten"), "downwards": ("nach unten", "von oben nach unten", "von oben"),
        "it": ("er", "sie", "es", "ihn"), "only": ("nur",), "not": ("nicht", "kein", "keine"), "on": ("am", "beim", "an"), "at": ("bei",), "with": ("mit",), "for": ("für",), "of": ("von", "vom"), "profit": ("gewinn",), "loss": ("verlust",), "stop": ("stop-loss", "stop loss", "stopp"), "trail": ("trailing-stop", "trailing stop", "nachlaufender stopp"), "target": ("gewinnziel", "take-profit", "gewinnmitnahme"), "average": ("durchschnitt", "gleitende durchschnitt", "gleitenden durchschnitt", "gleitender durchschnitt"),
        "max": ("höchstens", "maximal"), "per_day": ("pro tag", "am tag"), "trades": ("trades", "käufe", "mal"), "opposite_cross": ("umgekehrten kreuzen", "umgekehrter kreuzung", "gegenteiligen kreuzen"), "half": ("die hälfte",), "rest": ("den rest", "der rest"), "before": ("vor",), "after": ("nach",), "between": ("zwischen",), "unit": ("minuten", "bars", "kerzen", "perioden"), "hours": ("stunden", "stunde"), "equity": ("des kapitals", "meines kapitals", "des eigenkapitals", "vom kapital", "meines kontos"),
        "first": ("der ersten", "den ersten", "ersten", "die ersten",), "final": ("der letzten", "den letzten", "letzten", "die letzten",), "half_hour": ("halben stunde", "halbe stunde",), "of_the_day": ("nach börsenstart", "nach börseneröffnung", "nach eröffnung", "nach der eröffnung", "nach handelsbeginn", "des handelstages", "des tages", "nach handelsstart",), "to_the_close": ("vor börsenschluss", "vor handelsschluss", "vor schluss", "vor dem schluss",), "at_close": ("zum börsenschluss", "bei börsenschluss", "zum handelsschluss", "am tagesende", "zum schluss", "zum tagesende",), "column": ("kurs", "preis", "schlusskurs", "der kurs", "der preis",), "in_a_row": ("hintereinander", "in folge", "nacheinander",), "once_a_day": ("einmal am tag", "einmal pro tag", "nur einmal am tag", "nur einmal pro tag", "nicht mehr als einmal am tag", "höchstens einmal am tag", "höchstens einmal pro tag", "maximal einmal pro tag", "maximal einmal am tag",), "later": ("später", "nach dem kauf", "nach dem einstieg", "danach",), "volume": ("volumen",), "its": ("sein", "seinem", "seinen", "seine", "seiner",), "signal": ("signallinie",), "upper": ("obere", "oberen", "oberes",), "lower": ("untere", "unteren", "unteres",), "middle": ("mittlere", "mittleren", "mittleres",), "band": ("bollinger-band", "bollingerband", "bollinger-bands",), "either": ("entweder",), "unless": ("es sei denn",), "overnight": ("über nacht",), "hold": ("halte", "halten",), "position": ("alles", "position", "die position",), "move": ("geht",), "return": ("steigt wieder", "fällt wieder",), "break": ("durchbricht",), "no_buying": ("kein kauf", "keine käufe", "keine neuen käufe", "kaufe nicht", "nicht kaufen", "kaufe nie", "keine einstiege"), "": ("was zuerst kommt", "was zuerst eintritt", "je nachdem was zuerst kommt", "je nachdem, was zuerst kommt", "je nachdem was zuerst eintritt", "je nachdem, was zuerst eintritt", "was zuerst passiert", "aktie", "hallo", "danke", "vielen dank", "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "bitte", "ich möchte", "dann", "uhr", "aktien", "linie"),
    },
    "es": {
        "next_open": ("en la apertura del día siguiente", "a la apertura del día siguiente", "apertura del día siguiente"), "buy": ("compra", "comprar", "compre", "compro"), "sell": ("vende", "vender", "venda", "vendo"), "when": ("cuando", "si", "cada vez que"), "and": ("y",), "or": ("o",), "below": ("por debajo de", "debajo de", "por debajo", "bajo", "menor que", "menor a", "inferior a", "por debajo del"), "above": ("por encima de", "por encima", "encima de", "sobre", "mayor que", "mayor a", "superior a", "por encima del"),
        "fall_below": ("baja de", "baje de", "cae de", "caiga de", "cae por debajo de", "baja por debajo de", "caiga por debajo de", "baje por debajo de"), "rise_above": ("sube de", "suba de", "supera", "supere", "sube por encima de", "suba por encima de"), "is": ("está", "esté", "es", "sea"), "cross": ("cruza", "cruce", "cruzan"), "it": ("lo",), "only": ("solo", "sólo", "únicamente"), "not": ("no",), "on": ("los",), "at": ("a las",), "with": ("con", "usa", "usar", "añade"), "of": ("de", "del"),
        "profit": ("ganancia", "beneficio"), "loss": ("pérdida",), "stop": ("stop loss", "stop-loss", "stop"), "trail": ("stop dinámico", "trailing stop", "stop móvil"), "target": ("take profit", "toma de ganancias"), "average": ("media", "media móvil"), "max": ("máximo", "como máximo", "no más de"), "per_day": ("por día", "al día"), "trades": ("operaciones", "compras", "trades"), "half": ("la mitad",), "rest": ("el resto",), "column": ("precio", "el precio", "cierre"), "equity": ("del capital", "de mi capital", "de la cuenta"), "per_trade": ("en cada compra", "por operación", "cada vez"),
        "unit": ("minutos", "velas", "barras", "periodos"), "hours": ("horas", "hora"), "after": ("después de",), "before": ("antes de",), "between": ("entre",), "upwards": ("hacia arriba", "al alza",), "downwards": ("hacia abajo", "a la baja",), "volume": ("volumen",), "its": ("su",), "position": ("posición", "la posición", "todo",), "lose": ("pierde", "pierda",), "in_a_row": ("seguidas", "consecutivas", "seguidos", "consecutivos",), "red": ("rojas", "roja", "bajistas",), "green": ("verdes", "verde", "alcistas",), "signal": ("línea de señal", "señal",), "upper": ("superior",), "lower": ("inferior",), "middle": ("media de las bandas", "central",), "band": ("banda", "bandas", "banda de bollinger", "bandas de bollinger",), "once_a_day": ("una vez al día", "una sola vez al día", "solo una vez al día", "una operación al día",), "later": ("después de comprar", "después",), "first": ("los primeros", "las primeras", "la primera",), "final": ("los últimos", "las últimas", "la última",), "of_the_day": ("del día", "de la sesión",), "to_the_close": ("antes del cierre",), "at_close": ("al cierre", "antes del cierre", "al final del día",), "unless": ("a menos que", "salvo que",), "either": ("o bien",), "fall": ("cae", "cayendo",), "rise": ("sube",), "trade": ("cierra", "cierre por", "cierran",), "no_buying": ("no compres", "no comprar", "no compre", "sin compras", "nunca compres", "ninguna compra"), "": ("nivel", "el nivel", "lo que ocurra primero", "lo que pase primero", "lo primero que ocurra", "puedes hacerme un bot", "pueden hacerme un bot", "hazme un bot", "quiero un bot que", "un bot que", "acciones", "hola", "gracias", "esté en", "el", "la", "las", "un", "una", "por favor", "quiero", "acciones de", "que"),
    },
    "fr": {
        "next_open": ("à l'ouverture du lendemain", "à l'ouverture du jour suivant", "le lendemain à l'ouverture"), "buy": ("achète", "acheter", "achetez", "achat"), "sell": ("revends", "revendre", "revend", "sors", "sortie", "vends", "vendre", "vendez", "vente"), "when": ("quand", "lorsque", "lorsqu'", "si", "dès que", "chaque fois que", "et que"), "and": ("et", "et que"), "or": ("ou",), "below": ("sous", "en dessous de", "au-dessous de", "inférieur à", "en dessous"), "above": ("au-dessus de", "au dessus de", "supérieur à", "au-dessus", "au-dessus du", "au-dessus de la"),
        "fall": ("passe", "descend", "tombe"), "rise_above": ("passe au-dessus de la", "passe au-dessus du", "repasse au-dessus de", "dépasse", "monte au-dessus de", "passe au-dessus de"), "return": ("repasse",), "is": ("est",), "cross": ("croise",), "it": ("il", "elle"), "only": ("seulement", "uniquement"), "not": ("jamais", "pas",), "on": ("les",), "at": ("à",), "with": ("avec", "avec un", "ajoute"), "of": ("de", "du", "des", "d'"), "profit": ("gain", "profit"), "loss": ("perte",), "stop": ("stop loss", "stop-loss", "stop"), "trail": ("stop suiveur", "trailing stop"), "target": ("take profit", "objectif"),
        "max": ("pas plus de", "au maximum", "maximum", "au plus"), "per_day": ("par jour",), "trades": ("trades", "achats", "opérations"), "half": ("la moitié",), "rest": ("le reste",), "column": ("prix", "le prix", "cours", "le cours", "clôture"), "before": ("avant",), "after": ("après",), "between": ("entre",), "equity": ("du capital", "de mon capital"), "unit": ("minutes", "bougies", "périodes"), "hours": ("heures", "heure"), "volume": ("volume",), "its": ("sa", "son",), "upper": ("supérieure", "supérieur", "haute",), "lower": ("inférieure", "basse",), "middle": ("médiane", "centrale",), "band": ("bande", "bandes", "bande de bollinger", "bandes de bollinger",), "in_a_row": ("d'affilée", "consécutives", "de suite",), "red": ("rouges", "rouge",), "green": ("vertes", "verte",), "signal": ("ligne de signal", "sa ligne de signal",), "once_a_day": ("une fois par jour", "une seule fois par jour", "un seul achat par jour", "un trade par jour",), "first": ("les premières", "les premiers", "la première",), "final": ("les dernières", "les derniers", "la dernière",), "of_the_day": ("de la journée", "de la séance", "après l'ouverture",), "to_the_close": ("avant la clôture",), "at_close": ("à la clôture", "avant la clôture", "en fin de journée",), "later": ("plus tard", "après l'achat",), "position": ("tout", "la position",), "upwards": ("à la hausse", "vers le haut",), "downwards": ("à la baisse", "vers le bas",), "unless": ("sauf si", "à moins que",), "no_buying": ("pas d'achat", "pas d'achats", "aucun achat", "n'achète pas", "n'achète rien", "ne pas acheter", "n'achète jamais"), "": ("selon ce qui arrive en premier", "bonjour", "merci", "stratégie", "une stratégie qui", "ne", "le", "la", "un", "une", "s'il te plaît", "s'il vous plaît", "actions de", "l'"),
    },
    "zh": {
        "buy": ("买入", "买进", "做多", "买"), "sell": ("卖出", "卖掉", "平仓", "卖"), "when": ("当", "如果", "若"), "its": ("其",), "in_a_row": ("连续",), "once_a_day": ("每天一次", "每天只买一次", "每天最多一次",), "upper": ("上轨",), "lower": ("下轨",), "middle": ("中轨",), "band": ("布林带", "布林线",), "no_buying": ("不买入", "不买", "不要买入", "不开仓"), "": ("线", "那么", "股票", "我想", "帮我", "时", "时候", "的时候", "就", "则", "的", "在", "为", "是", "请"), "below": ("低于", "小于", "跌破", "下破", "跌到"), "above": ("高于", "大于", "突破", "超过", "涨破"), "upcross": ("上穿", "向上穿过"), "downcross": ("下穿", "向下穿过"), "golden": ("金叉",), "death": ("死叉",), "stop": ("止损",), "target": ("止盈",), "trail": ("跟踪止损", "移动止损", "追踪止损"), "and": ("并且", "而且", "且", "和", "同时"), "or": ("或者", "或"),
        "with": ("每次用", "用", "使用"), "equity": ("的资金", "资金", "的仓位", "仓位"), "average": ("均线", "移动平均线"), "unit": ("根k线", "根 k 线", "根k线的", "k线", "根", "周期", "分钟"), "per_day": ("每天", "每日", "一天"), "max": ("最多", "不超过"), "trades": ("次", "笔交易", "次交易"), "not": ("不",), "trade": ("交易",), "only": ("只在", "只", "仅在", "仅"), "column": ("价格", "收盘价", "股价"), "signal": ("信号线", "信号线",), "volume": ("成交量",),
    },
    "ja": {
        "buy": ("買い", "買う", "購入"), "sell": ("売り", "売る", "売却", "決済"), "until": ("から",), "no_buying": ("までは買わない", "まで買わない", "まで取引しない", "までは取引しない"), "volume": ("出来高",), "upper": ("上限",), "lower": ("下限",), "": ("ただし", "ただし、", "そして", "株を", "株", "が", "を", "は", "の", "なら", "たら", "ら", "で", "に", "する", "とき", "時に", "した", "ったら"), "below_if": ("下回ったら", "下回れば", "下回ると", "下回る", "割ったら", "未満"), "above_if": ("上回ったら", "上回れば", "上回ると", "上回る", "超えたら", "超えれば"), "or_less": ("以下",), "or_more": ("以上",), "upcross": ("上抜けたら", "上抜け", "上抜けで"), "downcross": ("下抜けたら", "下抜け", "下抜けで"), "golden": ("ゴールデンクロス",), "death": ("デッドクロス",),
        "stop": ("損切り", "損切りライン"), "target": ("利確", "利益確定"), "trail": ("トレーリングストップ",), "average": ("移動平均線", "移動平均"), "unit": ("本", "分"), "per_day": ("1日", "一日", "一日に"), "max": ("最大",), "trades": ("回まで", "回"), "column": ("価格", "終値", "株価"), "and": ("かつ", "そして"), "or": ("または",),
    },
}  # fmt: skip
_NAMES = {
    "de": {}, "es": {"media móvil simple": "sma", "media móvil exponencial": "ema", "media exponencial": "ema"}, "fr": {"moyenne mobile simple": "sma", "moyenne mobile exponentielle": "ema", "moyenne mobile": "sma"}, "zh": {}, "ja": {},
}  # fmt: skip
_COUNTS = {
    "de": ("ein", "zwei", "drei", "vier", "fünf"), "es": ("uno", "dos", "tres", "cuatro", "cinco"), "fr": ("un", "deux", "trois", "quatre", "cinq"), "zh": ("一", "两", "三", "四", "五"), "ja": ("一", "二", "三", "四", "五"),
}  # fmt: skip


def language_of(turn: str) -> str:
    """The language a turn is written in, of those that are known besides English; empty for English and others."""
    return next((name for name, words in _KNOWN_BY.items() if words.search(turn)), "")


@cache
def phrases_of(language: str) -> dict[str, tuple[str, str | float]]:
    """The phrases of a language with their kinds and values."""
    found: dict[str, tuple[str, str | float]] = {}
    for kind, said in _WORDS[language].items():
        for phrase in said:
            found[phrase] = (kind, "close" if kind == "column" else phrase)
    found |= {phrase: ("indicator", name) for phrase, name in _NAMES[language].items()}
    for day, name in enumerate(_DAYS[language]):
        found |= dict.fromkeys((name, f"{name}s"), ("day", float(day)))
    found |= {word: ("number", float(number)) for number, word in enumerate(_COUNTS[language], 1) if word not in found}
    return found
