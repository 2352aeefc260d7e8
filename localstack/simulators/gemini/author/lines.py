"""Phrases for crosses of two averages, and for states of the MACD and of bands."""

from __future__ import annotations

import re
from dataclasses import replace

from simulators.gemini.author.averages import average
from simulators.gemini.author.oscillators import macd
from simulators.gemini.author.phrases import CROSS, IS, Memory
from simulators.gemini.author.rules import Compare, Condition, Cross, Number, Series
from simulators.gemini.author.scanner import ARTICLES, BARS, N, Scanner, Unexpressible
from simulators.gemini.author.series import CLOSE, series


def pair_crossing(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a cross of two averages that are named together; None where there is none."""
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        rf"{N} ?(?:{BARS} ?)?(?:/|and|-|over|x|,) ?{N} ?{BARS}? ?(?:period )?(exponential|simple|weighted|ema|emas|sma|smas|moving averages?|mas?|averages?|hma|wma)?(?: moving averages?| averages?| mas?)? ?(crossover|crossovers|cross|crosses over|crossing|crossunder)?(?: (up|upwards?|bullishly|above|down|downwards?|below))?"
    )
    kind, fast, slow = None, 0.0, 0.0
    if match and (match[3] or match[4]):
        kind, fast, slow = match[3], float(match[1]), float(match[2])
        down = (match[4] == "crossunder") or (match[5] or "").startswith(("down", "below"))
    else:
        scan.at = at
        scan.take(ARTICLES)
        match = scan.take(
            rf"(emas?|smas?|wma|hma|exponential moving averages?|simple moving averages?|moving averages?|mas?|averages?) ?\(? ?{N} ?{BARS}? ?(?:/|and|-|over|,|crosses above|crossing|x) ?{N} ?{BARS}? ?\)? ?(crossover|crossovers|cross|crosses over|crossing)?(?: (up|upwards?|above|down|downwards?|below))?"
        )
        if match is None:
            scan.at = at
            return _golden(scan, memory)
        kind, fast, slow = match[1], float(match[2]), float(match[3])
        down = (match[5] or "").startswith(("down", "below"))
    averages = {"exponential": "ema", "ema": "ema", "emas": "ema", "hma": "hma", "wma": "wma", "weighted": "wma"}.get(
        (kind or "").split()[0] if kind else "", "sma"
    )
    left, right = average(averages, fast), average(averages, slow)
    right = replace(right, name=right.name)
    memory.pair, memory.left, memory.right = (left, right), left, right
    scan.take(r"(?:strategy|system|signal|rule|bullish)")
    return Cross(left, not down, right)


def _golden(scan: Scanner, memory: Memory) -> Condition | None:
    match = scan.take(
        r"(?:at |on |after )?(?:the |a |an )?(golden|death) cross(?:es|over)?(?! (?:of|between|with|from)\b)(?: (?:occurs|happens|appears|forms))?"
    )
    if match is None:
        return None
    left, right = average("sma", 50), average("sma", 200)
    memory.pair, memory.left, memory.right = (left, right), left, right
    return Cross(left, match[1] == "golden", right)


def named_cross(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a golden or death cross, or a crossover of what was named before; None where there is none."""
    if memory.pair is None:
        return None
    fast, slow = memory.pair
    at = scan.at
    match = scan.take(
        rf"(?:the )?(?:(?:fast(?:er)?|short(?:er)?|first|quick(?:er)?|it|they|lines|averages|two|emas?|smas?|mas|moving averages?)(?: one| line| average| ema| sma| ma| moving average| averages)?)? ?(?:then )?(?:{CROSS}|goes|falls|drops|moves|is|turns|comes)(?: back)?(?: again)?(?: (above|over|up|upwards?|below|under|beneath|down|downwards?))?(?: again)?(?: (?:the )?(?:slow(?:er)?|long(?:er)?|second|other)(?: one| line| average| ema| sma| ma| moving average)?| it| each other)?"
    )
    if match and match[1]:
        up = match[1] in ("above", "over", "up", "upward", "upwards")
        return Cross(fast, up, slow)
    scan.at = at
    match = scan.take(
        r"(?:the )?(?:averages|they|lines|emas|smas|mas|two|moving averages|it)(?: \w+)? (?:crosses|cross) (?:back|again|the other way|in the (?:opposite|other) direction|back again|down again)|(?:on |at )?(?:a |an |the )?(?:opposite|reverse|bearish|death) (?:cross(?:over)?|crossing)"
    )
    if match:
        return Cross(fast, False, slow)
    scan.at = at
    return None


def macd_words(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads what people say of the MACD; None where there is none."""
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        r"macd(?: line| indicator| histogram)?(?: is| are| gets| goes| turns?| becomes?| has turned| turned| flips?)+ (positive|negative|bullish|bearish|green|red|up|down)"
        r"|(?:a )?(bullish|bearish) macd(?: cross(?:over)?)?|macd (?:shows |has |gives )?(?:a )?(bullish|bearish) (?:cross(?:over)?|signal)"
        r"|macd (?:crosses|cross|crossing|crossed|crosses back|goes|moves|is|comes)(?: back)? (above|over|up through|below|under|down through|up|down)(?: (?:its |the )?signal(?: line)?)?(?= |$)"
        r"|macd (crossover|cross|buy signal)(?: up)?"
    )
    if match is None:
        scan.at = at
        return None
    histogram = macd("histogram")
    if match[1]:
        up = match[1] in ("positive", "bullish", "green", "up")
        zero = macd("macd") if match[1] in ("positive", "negative") and "histogram" not in match[0] else histogram
        memory.left, memory.right = zero, Number(0)
        return Compare(zero, ">" if up else "<", Number(0))
    if match[4]:
        # "MACD crosses above zero" and levels are for the comparison.
        rest = scan.text[scan.at :].lstrip()
        if "signal" not in match[0] and re.match(r"(?:zero|the zero|0|-?\d)", rest):
            scan.at = at
            return None
        up = match[4] in ("above", "over", "up through", "up")
        event = re.search(r"cross", match[0]) is not None
        line, signal = macd("macd"), macd("signal")
        memory.pair, memory.left, memory.right = (line, signal), line, signal
        return Cross(line, up, signal) if event else Compare(line, ">" if up else "<", signal)
    line, signal = macd("macd"), macd("signal")
    memory.pair, memory.left, memory.right = (line, signal), line, signal
    return Cross(line, "bearish" not in match[0], signal)


def band_words(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads what people say of the price and its bands; None where there is none."""
    at = scan.at
    match = scan.take(
        r"(?:the )?super ?trend(?: indicator)?(?: is| turns?| goes| flips?| points?| becomes?| gives| signals?| to| a| says)*(?: (up|green|bullish|buy|long|positive|down|red|bearish|sell|short|negative))(?:wards?| signal)?"
    )
    if match:
        direction = Series(
            "supertrend",
            "ta.supertrend(bars.high, bars.low, bars.close, length={0}, multiplier={1}).direction",
            "the SuperTrend's direction (supertrend, {0} bars, {1} ATR; 1 is up)",
            (7, 3),
            ("SUPERTREND_LENGTH", "SUPERTREND_MULTIPLIER"),
        )
        memory.left, memory.right = direction, Number(0)
        return Compare(
            direction, ">" if match[1] in ("up", "green", "bullish", "buy", "long", "positive") else "<", Number(0)
        )
    if scan.take(
        r"(?:the )?(?:price|it|close|stock|@\S+)? ?(?:bounces|bounce|rebounds|rebound|bouncing|recovers)(?: back)?(?: up)?(?: off| from| at)(?: of)?"
    ):
        right = series(scan)
        if right is not None and right.scale == "price" and right != CLOSE:
            memory.left, memory.right, memory.pair = CLOSE, right, (CLOSE, right)
            memory.notes.append(f"A bounce off {right.words} is read as the close crossing back above it.")
            return Cross(CLOSE, True, right)
        scan.at = at
    left = series(scan)
    if left is not None and left.levels:
        match = scan.take(
            rf"(?:{IS} )*(?:in |into )?(?:the )?(oversold|overbought)(?: (?:territory|zone|area|levels?|region|conditions?))?(?: \(? ?(?:below|above|under|over|<|>)? ?{N} ?\)?)?"
        )
        if match:
            low = match[1] == "oversold"
            level = float(match[2]) if match[2] else left.levels[0 if low else 1]
            memory.left, memory.right = left, Number(level)
            return Compare(left, "<" if low else ">", Number(level))
    scan.at = at
    match = scan.take(
        r"(?:when |if )?(?:it |the (?:stock|price|market) |@\S+ )?(?:is |gets |becomes )?(oversold|overbought)(?: \( ?(?:below|above|under|over|<|>)? ?(\d+) ?\))?"
    )
    if match:
        if memory.left is None or memory.left.levels is None:
            raise Unexpressible(
                f"“{match[1]}” by which measure, and at which level? For example: the RSI of 14 bars is {'below 30' if match[1] == 'oversold' else 'above 70'}."
            )
        low = match[1] == "oversold"
        level = float(match[2]) if match[2] else memory.left.levels[0 if low else 1]
        return Compare(memory.left, "<" if low else ">", Number(level))
    scan.take(ARTICLES)
    here = scan.at
    scan.take(r"(?:price|it|close|stock|@\S+)")
    match = scan.take(
        r"(?:(?:is |gets )?(?:touches|touch|touched|hits|hit|reaches|reached|tags|tag|falls to|drops to|rises to|closes (?:at|outside)|at|back (?:to|at))) "
    )
    if match:
        right = series(scan)
        if right is not None and right.name not in ("close", "open", "high", "low", "volume"):
            lower = right.name.startswith(("lower", "lowest", "keltner_lower")) or bool(
                re.search(r"falls|drops", match[0])
            )
            upper = right.name.startswith(("upper", "highest", "keltner_upper")) or bool(re.search(r"rises", match[0]))
            if not lower and not upper and memory.position and memory.bought_below is not None:
                lower, upper = not memory.bought_below, memory.bought_below
            if lower or upper:
                memory.left, memory.right = CLOSE, right
                return Compare(CLOSE, "<=" if lower else ">=", right)
            raise Unexpressible(
                f"“{scan.text[at : scan.at].strip()}”: from above or from below? Please say “falls to” or “rises to”."
            )
    scan.at = here
    return None
