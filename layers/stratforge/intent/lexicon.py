"""Words of requests in the languages that the platform is used in, and what each has to come to in a rule."""

from __future__ import annotations

import re

from stratforge.market.clocks import clock_field
from stratforge.strategy.indicators import REGISTRY

_I = re.IGNORECASE
UP = re.compile(
    r"(?<=\bis )at least\b|\b(?:above|over|greater than|more than|higher than|exceeds?|über|oberhalb|encima|superior|dessus|supérieure?)\b|>|高于|大于|超过|上穿|突破|上回",
    _I,
)
DOWN = re.compile(
    r"(?<=\bis )at most\b|\b(?:below|under|underneath|beneath|less than|lower than|unter|unterhalb|debajo|inferior|dessous|sous|inférieure?)\b|<|低于|小于|跌破|下穿|下回",
    _I,
)
NEGATED = re.compile(
    r"\b(?:not|never|neither|nor|none|nothing|nobody|hardly|weder|noch|ningun\w*|ningún|aucun\w*|(?:do|does|did|is|are|was|were|ca|wo|has|have|had|should|would|could|must|need)n['’]?t|avoid\w*|skip\w*|unless|except|no longer|without|exclud\w+|other than|nicht|nie|kein\w*|außer|nunca|excepto|salvo|jamais|pas|sauf|no|ignore|stay out)\b|n['’]t\b|不|ない",
    _I,
)
# What takes a day of the week out: "every day but Monday".
EXCEPTED = re.compile(
    r"\b(?:(?:but|save|bar(?:ring)?|besides|minus)(?: for| on| not| the)*(?=\s*$|\s(?:mon|tue|wed|thu|fri|sat|sun)\w*)|apart from|aside from|with the exception of|excl\w*|excepting|bis auf|a excepción de|menos(?= (?:los?|el) )|à l['’]exception|hormis)",
    _I,
)
LATER = re.compile(
    r"\b(?:after|from|since|past|starting|nach|ab|después|desde|après|à partir|dès)\b|之后|以后|以降", _I
)
EARLIER = re.compile(r"\b(?:before|until|till|prior to|vor|bis|antes|hasta|avant|jusqu['’]?\w*)\b|之前|以前|まで", _I)
PER_DAY = re.compile(
    r"(?:per|a|each|every|pro|al|por|par)\s+(?:trading\s+)?(?:day|tag|día|jour|session)|daily|每天|一日", _I
)
AT_MOST = re.compile(
    r"\b(?:at most|no more than|not more than|max(?:imum)?|limit\w*|only|up to|once|twice|just|one|single|cap\w*|höchstens|maximal|nur|como máximo|máximo|solo|sólo|au plus|maximum|seulement|per day|a day|each day|pro tag|par jour|por día|al día)\b|最多",
    _I,
)
AT_LEAST = re.compile(r"\b(?:at least|min(?:imum)?|no (?:fewer|less) than|mindestens|al menos|au moins)\b|至少", _I)
# What comes before a number that is to go.
OLD = re.compile(
    r"\b(?:instead of|rather than|not|anstatt|statt|en lugar de|en vez de|au lieu de)\s*(?:the |a |an )?$|\b(?:change|replace|switch|swap|raise|lower|increase|decrease|reduce|move|from)\b[^,.;]*$(?<!to )(?<!with )(?<!by )(?<!for )",
    _I,
)
OR = re.compile(
    r"\b(?:or|either|whichever|any of|oder|entweder|ou|soit)\b(?!\s+(?:so|more|less|higher|lower|below|above|under|over|equal|greater|fewer|better|mehr|weniger|höher|tiefer|plus|moins)\b)|(?<=\s)o(?=\s)|或|または|か、",
    _I,
)
OTHERWISE = re.compile(
    r"\b(?:also|otherwise|unless|as well|auch|sonst|también|aussi|additionally|plus|too|not both|alternatively|outside|except)\b|[;/]|也|、",
    _I,
)
BUY = re.compile(
    r"\b(?:buy\w*|long|enter|entry|entries|get in|go in|purchase\w*|trade\w*|invest\w*|start\w*|open\w*|kauf\w*|einstieg\w*|steige?n? ein|compr\w*|entr\w*|achet\w*|achèt\w*|take)\b|买|買|入场",
    _I,
)
SELL = re.compile(
    r"\b(?:sell\w*|sold|exit\w*|clos(?:e|ing) (?:it|out|the|my|all|every\w*|at|position\w*|before|half)|close|get out|out|stop\w*|target\w*|profit\w*|tp|sl|loss\w*|take|cut|flat\w*|liquidat\w*|hold\w*|trail\w*|dump|unload|off-?load\w*|ditch\w*|rid of|bail\w*|leave|end of|overnight|risk|verkauf\w*|ausstieg\w*|schließ\w*|gewinn\w*|verlust\w*|halte\w*|rest|remainder|remaining|vend\w*|revend\w*|sal(?:ir|ida|ga)\w*|cerr\w*|pérdida\w*|perdida\w*|ganancia\w*|sort\w*|perte\w*|gain\w*|bénéfice\w*|back|reverse|opposite|then|after|when|until|till)\b|卖|賣|売|止损|止盈|損切|利確|决済|决济",
    _I,
)
# Words that surely say a side, and words that lead to an exit.
BUYS = re.compile(
    r"\b(?:buy\w*|bought|long|enter|entry|purchase\w*|kauf\w*|compr[ae]\w*|achet\w*|achèt\w*)\b|买入|買い", _I
)
SELLS = re.compile(r"\b(?:sell\w*|sold|exit\w*|verkauf\w*|vend\w*|salir|salida)\b|卖出|売", _I)
TO_THE_EXIT = re.compile(
    rf"{SELLS.pattern}|\b(?:clos(?:e|ing)(?! (?:is|price|above|below|crosses|over|under)\b)|risk\w*|then|after|back|again|reverse|opposite|contrary|vice versa|rest|remain\w*|lock|bank|cash|collect|ditch|dispose|rid|unwind|quit|done|finish\w*|otherwise|drop it|sal\w*|verlass\w*|raus|aussteig\w*|aus\b|ressor\w*|sortie\w*|out\b|stop\w*|target\w*|profit\w*|tp|sl|loss\w*|take|cut|flat\w*|liquidat\w*|hold\w*|trail\w*|dump\w*|unload|bail|leave|until|till|ausstieg\w*|schließ\w*|gewinn\w*|verlust\w*|halte\w*|bis|hasta|cerr\w*|sort\w*|jusqu)|[/]|出场|离场|平仓|止|決済|利確|損切",
    _I,
)
# Words of a restriction: it is of no side.
ONLY = re.compile(
    r"\b(?:only|never|not|no|max\w*|at most|unless|except|without|don['’]?t|avoid|skip|per|each|every|use|put|with|size|risk|nur|nie|nicht|kein\w*|pro|solo|sólo|nunca|seulement|jamais|pas|par|por|mit|avec|con)\b|只|不|だけ",
    _I,
)
EVENT = re.compile(
    r"\b(?:cross\w*|break\w*|turn\w*|go(?:es)?|goin\w*|gets?|ris\w*|rose|fall\w*|fell|drop\w*|climb\w*|dip\w*|mov\w*|push\w*|hits?|reach\w*|flip\w*|through|back|becom\w*|surpass\w*|exceed\w*|clos\w*|x|switch\w*|chang\w*|touch\w*|pierc\w*|bounce\w*|cut\w*|com(?:e|es|ing)|revers\w*|pop\w*|spike\w*|slip\w*|sink\w*|jump\w*|recover\w*|golden|death|kreuz\w*|schneid\w*|steig\w*|fäll\w*|dreh\w*|durchbr\w*|cruz\w*|cruc\w*|romp\w*|sub[ae]\w*|baj[ae]\w*|cae\w*|crois\w*|pass\w*|repass\w*|franchi\w*|mont\w*|descend\w*|tomb\w*|dépass\w*|signal\w*|bullish|bearish|crossover\w*|starts?|when)\b|穿|突破|跌破|抜|上回|下回|金叉|死叉",
    _I,
)
LASTING = re.compile(
    r"\b(?:in a row|consecutive\w*|straight|successive\w*|running|hintereinander|in folge|seguid[ao]s|consecutiv[ao]s|d['’]affilée|de suite|consécuti\w*)\b|连续|連続",
    _I,
)
STOP = re.compile(r"\b(?:stop[- ]?loss\w*|stops?\b(?![- ](?:trading|buying))|sl|stopp?)\b|止损|損切", _I)
TRAILING = re.compile(r"\btrail\w*|\bnachziehend\w*|\bsuiveur\b|\bdinámic[oa]\b", _I)
TARGET = re.compile(
    r"\b(?:take[- ]?profits?|profit targets?|tp|gewinnmitnahme|gewinnziel|toma de (?:ganancias|beneficios)|prise de bénéfices?|objetivo de \w+)\b|止盈|利確",
    _I,
)
ATR = re.compile(r"\batrs?\b|\baverage true ranges?\b", _I)
LONGER = re.compile(
    r"\b(?:per|a|each|every|this|pro|por|par)\s+(?:week|month|year|hour|woche|monat|stunde|semana|mes|hora|semaine|mois|heure)\b|\b(?:weekly|monthly|hourly|yearly)\b|每周|每月",
    _I,
)
DAILY = re.compile(
    r"\b(?:daily|täglich\w*|diari[oa]|quotidien\w*|day chart|d1)\b(?!\s+(?:limit|max\w*|trades?|stop|loss|target|buys?|cap|open|high|low|close|vwap))",
    _I,
)
CHART = re.compile(
    r"\b(?:\d+|one|five|fifteen|thirty)[- ]?(?:m|min|minute|h|hour|hr|d|day|week)\w* (?:chart|candles?|bars?|time ?frame|timeframe)\b",
    _I,
)
SHORT = re.compile(
    r"\bshort(?:ing|s|ed)?\b(?![- ](?:term|ma\b|ema|sma|moving|average|period|window|length|one|line|lived|and long))|\bleerverk\w*|\bvente? à découvert|\ben corto\b",
    _I,
)
LEVERAGE = re.compile(r"\b(?:leverag\w+|on margin|borrow\w*|options|futures|calls|puts|(?:call|put) option)\b", _I)
# Words for places and, in capitals or behind a time, the short names of their clocks; “ist”, “et” and “est” are words of other languages too.
_ZONES = (
    ("berlin", r"berlin(?:er)?|frankfurt|paris|madrid|amsterdam|zürich|zurich|vienna|wien|rome|german|deutsche\w*|central european|european", "CET|CEST|MEZ|MESZ", "cet|cest|mez|mesz"),
    ("london", r"london|british", "UK|BST", "uk|bst"),
    ("chicago", r"chicago|central|dallas", "CT|CST|CDT", "ct|cst|cdt"),
    ("denver", r"denver|mountain", "MST|MDT", "mst|mdt"),
    ("los_angeles", r"pacific|los angeles|san francisco|california|seattle", "PT|PST|PDT", "pt|pst|pdt"),
    ("tokyo", r"tokyo|japan", "JST", "jst"),
    ("utc", r"utc|gmt|zulu", "UTC", "utc"),
    (None, r"hong kong|singapore|sydney|mumbai|india\w*|moscow|dubai", "HKT|IST", "hkt"),
    ("new_york", r"new[ -]york(?:er)?|nyc|ny|eastern|wall street|(?<=am )(?:et|est)|(?<=pm )(?:et|est)", "ET|EST|EDT", "edt"),
)  # fmt: skip
ZONE = tuple(
    (
        place,
        re.compile(
            rf"(?:\b(?:{words}|(?-i:{short})|(?<=[\dm] )(?:{behind})))\b(?:['’]s)?(?:\s+(?:standard |daylight )?(?:time|zeit|hora|heure|uhr))?",
            _I,
        ),
    )
    for place, words, short, behind in _ZONES
)
ALSO_CALLED = {
    "average": ("sma", "ema", "wma", "hma", "rma", "dema", "tema", "vwma", "kama", "alma", "zlma", "mean"),
    "moving average": ("sma", "ema", "wma", "hma", "rma", "dema", "tema", "vwma", "kama", "alma", "zlma", "mean"),
    "bollinger": ("bbands",), "keltner": ("kc",), "donchian": ("donchian", "max", "min"), "stochastic": ("stoch", "stochrsi"), "supertrend": ("supertrend",),
    "money flow": ("mfi",), "williams": ("willr",), "parabolic": ("psar",), "sar": ("psar",), "standard deviation": ("stdev", "std", "bbands", "zscore"),
    "volume": ("volume",),
}  # fmt: skip
# Names of indicators that are English words as well.
WORDS_TOO = frozenset({"mom", "cross", "crossover", "crossunder", "quantile", "slope", "rising", "falling", "increasing", "decreasing", "change", "above", "below", "range", "highest", "lowest", "sum", "mean", "median", "bias", "er", "mad", "cg", "inertia", "entropy", "midpoint", "midprice", "log_return", "percent_return", "true_range", "hl2", "hlc3", "ohlc4", "wcp", "variance", "skew", "massi", "trix", "squeeze", "fisher", "drawdown"})  # fmt: skip
INDICATORS = tuple(
    (re.compile(rf"(?<![\w-]){name}s?(?![\w-])", _I), (name, *(("stochrsi",) if name == "rsi" else ())))
    for name in REGISTRY
    if len(name) > 2 and name not in WORDS_TOO
) + tuple((re.compile(rf"(?<!\w){name}", _I), meant) for name, meant in ALSO_CALLED.items())
NO_SYMBOL = frozenset(
    """
    A I AM PM ET EST EDT NY US USA USD EUR OK AND OR NOT IF THEN BUY SELL WHEN STOP LOSS MA MAS SMA EMA ATR TP SL HOD LOD ATH VOL AVG MAX MIN BB
    DI ROI PNL API AI BTC ETH BOT DCA ETF PDT RTH EOD UTC GMT CET CEST MEZ MESZ BST UK PST PT CST CDT CT MST MDT EDT JST K D R N TA OR IS ON IN AT THE ALL NO ANY AN BE BY DO GO IT MY OF
    SO TO UP US WE YES NEVER ONLY
    """.split()  # noqa: SIM905 - a list of words is read as a text
)
# The minutes of the day at which stocks open and close.
NYSE = 570
CLOSE = 960


# What a fact of a rule has to be spoken of by, in any of the words for it.
FACT_WORDS = {
    "account_cash": r"\bcash|\baccount|\bbuying power|\bcapital|\bbalance|\bmoney|\bfunds|\bkonto|\bguthaben|\bbargeld|\bcuenta|\befectivo|\bcompte|\bliquidit",
    "account_equity": r"\bequity|\baccount|\bportfolio|\bnet worth|\bcapital|\bbalance|\bdepot|\bvermögen|\bcuenta|\bpatrimonio|\bcompte",
    "open": r"\bopen\w*|\bgreen\b|\bred\b|\bbullish|\bbearish|\bcandles?|\bbars?\b|\bgap\w*|\bcolou?r|\bup\b|\bdown\b|eröffn|\bkerze|\bapertura|\bvela|\bouverture|\bbougie|\bgrün|\brot|开|陽線|陰線|阳|阴|始値",
    "high": r"\bhigh\w*|\bbreak\w*|\brange|\bchannel|\bpeak|\btops?\b|\bhoch|\bmax|\balto|\bhaut|\bspike|\binside|\bengulf|\btouch\w*|\bhits?|高",
    "low": r"\blow\w*|\bbreak\w*|\brange|\bchannel|\bbottom|\bdips?\b|\btief|\bmin|\bbajo|\bbas\b|\binside|\bengulf|\btouch\w*|\bhits?|低|安",
    "volume": r"\bvol\w*|\bumsatz|量|出来高",
    "minute": r"\d[:.h]\d\d|\d\s?(?:am|pm|a\.m|p\.m|uhr|o['’]clock)|\bminutes?|\bminut|\btime|\bhours?|\bstunde|\bhora|\bheure|\bnoon|\bmidday|\bmittag|\bmidi|\bmediod|\bopen\w*|\bclos\w*|\bmorning|\bafternoon|\bsession|\bday|\bovernight|\bbell|\blunch|\bend\b|\bnight|\bpast \w+|\bflat\b|\btag\b|\bmatin|\btarde|\bmañana|\bcierre|\bclôture|点|時|时|分|早|午",
    "minutes_to_close": r"\bclos\w*|\bbell|\bend\b|\beod\b|\blast\b|\bfinal|\bflat\b|\bday|\bsession|\bovernight|\bintraday|schluss|\bende\b|\bletzte|\btag\b|\bnacht|\bcierr|\búltim|\bfin(?:al)?\b|\bclôture|\bcloture|\bfermeture|\bderni|收|尾盘|引け|大引|最後|最后|終",
    **{clock_field(place): pattern.pattern for place, pattern in ZONE if place is not None},
    "bars_held": r"\bafter|\bhold\w*|\bheld|\bbars?|\bminutes?|\bhours?|\bwithin|\bcandles?|\bperiods?|\blater|\bnach|\bminut|\bstunde|\bhora|\bheure|\bhalte|\bmantener|\baprès|\bdespués|\bkerze|根|分|本|后|後",
}  # fmt: skip
IN_OTHER_WORDS = (
    (re.compile(r"durchschnitt|\bgd\b|\bmedia\b|\bmedias\b|moyenne|均线|平均|(?<![a-z])mas?\b|golden cross|death cross|\bmean\b|\bavg\b", _I), ("sma", "ema", "wma", "hma", "rma", "dema", "tema")),
    (re.compile(r"\btrue range|\bvolatil|\bstop|\batr", _I), ("atr", "natr")),
    (re.compile(r"\bbands?\b|bollinger|\bdeviation|布林|ボリンジャー", _I), ("bbands", "kc", "accbands", "stdev", "zscore")),
    (re.compile(r"relative strength|oversold|overbought|überverkauft|überkauft|sobrevend|sobrecompr|survend|surachet", _I), ("rsi", "stoch", "cci", "mfi", "willr", "stochrsi")),
    (re.compile(r"stoch|%k|%d|\bk line|\bd line", _I), ("stoch", "stochf", "stochrsi", "kdj")),
    (re.compile(r"signal line|histogram|macd", _I), ("macd", "ppo")),
    (re.compile(r"directional|\bdi\b|[+-]\s?di\b|trend strength|\badx", _I), ("adx", "dm", "plus_dm", "minus_dm")),
    (re.compile(r"volume[- ]weighted|\bvwap", _I), ("vwap", "vwma")),
    (re.compile(r"rate of change|momentum|percent|%", _I), ("roc", "mom", "rocp")),
    (re.compile(r"on[- ]balance", _I), ("obv",)),
    (re.compile(r"commodity channel", _I), ("cci",)),
    (re.compile(r"money flow", _I), ("mfi", "cmf")),
    (re.compile(r"super ?trend|parabolic|\bsar\b", _I), ("supertrend", "psar")),
    (re.compile(r"cross", _I), ("cross", "crossover", "crossunder")),
)  # fmt: skip


SAID_BY_WORDS = (
    (r"\bhalf|\bhälfte|\bmitad|\bmoitié|一半|半分", (50.0, 0.5, 30.0, 930.0, 600.0)),
    (r"\bthird", (33.0, 33.3, 33.33, 33.3333)),
    (r"\bquarter", (25.0, 15.0)),
    (r"\b(?:twice|double[ds]?|zweimal|dos veces|deux fois|both)\b", (2.0, 200.0)),
    (r"\btriple|\bthrice", (3.0,)),
    (r"\b(?:once|one|single|an?|einmal|una?|une?|eine?[nrms]?)\b", (60.0,)),
    (r"\ball\b|\beverything|\bfull|\bentire|\bwhole", (100.0,)),
    (r"\bhour|\bstunde|\bhora|\bheure", (60.0, 630.0, 900.0)),
    (r"\bnoon\b|\bmidday\b|\bmittag|\bmidi\b|\bmediod[ií]a\b|正午|中午", (720.0,)),
    (r"\bafternoons?\b|\bmornings?\b", (720.0,)),
    (r"\bopen|\bclos|\bend of|\bday|\bovernight|\bbell|\bfeierabend|\bcierre|\bclôture|\bbörsen\w*|收盘|開|大引", (570.0, 571.0, 955.0, 958.0, 959.0, 960.0)),
)  # fmt: skip


# Where every length is as usual as another, it has to be said; and what is customary though pandas-ta's default is another.
LENGTH_IS_SAID = frozenset({"sma", "ema", "wma", "hma", "rma", "dema", "tema"})
CUSTOMARY: dict[str, dict[str, float]] = {
    "bbands": {"length": 20, "std": 2},
    "stochrsi": {"length": 14, "rsi_length": 14},
    "supertrend": {"length": 10, "multiplier": 3},
}
