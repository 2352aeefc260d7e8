"""Phrases for what a position did, and for streaks, moves and breakouts of the price."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from simulators.gemini.author.phrases import FALLS, RISES, SPAN, Memory
from simulators.gemini.author.rules import Compare, Condition, Held, Number, Result, Series, Trail
from simulators.gemini.author.scanner import ARTICLES, BARS, THE, N, Scanner, Unexpressible, bars_of
from simulators.gemini.author.series import CLOSE, change_over, channel, series

_MINE = r"(?:(?:the |my |our |this )?(?:position|trade|investment|holding|it|we|i|you|unrealized (?:profit|loss|return|gain|pnl)|profit|pnl)(?: has| have| is| are| 's| am)*)"


def position_condition(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads what became of the position: how long it is held, what it gained or lost; None where there is none."""
    if not memory.position:
        return None
    at = scan.at
    match = scan.take(
        rf"(?:{_MINE} )?(?:held|open|been held|been open|in the (?:trade|position))(?: for)?(?: at least| more than)? {N} ({BARS}|hours?|days?)"
    )
    if match is None:
        match = scan.take(
            rf"(?:after )?{N} ({BARS}|hours?|days?) (?:have passed|later|pass|after (?:entry|buying|the (?:buy|entry|purchase))|in the trade)"
        )
    if match is None:
        match = scan.take(rf"after {N} ({BARS}|hours?)(?= [.,;)]| or | and |$)")
    if match:
        return Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}"))
    for words, gain in (
        (
            rf"(?:{_MINE} )?(?:(?:gained|made|earned|risen|grown|recovers?|recovered|bounces?|up|in profit|gains?|profits?|wins?|rises?|a (?:gain|profit) of|profit reaches|profit exceeds|profit of)(?: by| of| more than| at least| over| >| >=)*)",
            True,
        ),
        (
            rf"(?:{_MINE} )?(?:(?:lost|down|fallen|dropped|loses?|losing|in loss|a loss of|loss reaches|loss exceeds|loss of|loss|falls?|drops?)(?: by| of| more than| at least| over| >| >=)*)",
            False,
        ),
    ):
        if scan.take(words):
            amount = amount_of(scan)
            if (
                amount
                and not scan.sees(r"(?:below|above|under|over|in|within|from) ")
                and not (amount[1] == "%" and scan.sees(SPAN))
            ):
                scan.take(
                    r"(?:from|since|on|over|versus|above|below) (?:the |my )?(?:entry|purchase|buy|position|trade|cost|entry price|purchase price)(?: price)?|(?:profit|gain|loss)"
                )
                return Result(amount[0], amount[1], gain)
            scan.at = at
    amount = amount_of(scan)
    if amount:
        match = scan.take(
            r"(?:in )?(?:of )?(profit|gain|gains|up|above (?:the |my )?(?:entry|purchase|buy)(?: price)?|in profit|loss|losses|down|below (?:the |my )?(?:entry|purchase|buy)(?: price)?)"
        )
        if match:
            return Result(amount[0], amount[1], match[1].startswith(("profit", "gain", "up", "above", "in profit")))
    scan.at = at
    return None


def amount_of(scan: Scanner) -> tuple[float, Literal["%", "$", "ATR"]] | None:
    """Reads an amount with its unit: percent, dollars, or times the average true range; None where there is none."""
    at = scan.at
    match = scan.take(
        rf"(?:a |an |\+ ?)?(?:{N} ?(%|basis points?|bps?)|\$ ?{N}|{N} ?(dollars?|usd|cents?|bucks)|{N} ?(?:x |times )?(?:the )?(?:\d+ bar )?(atrs?)(?: \( 14 \))?)(?: (?:a|per) share)?"
    )
    if match is None:
        scan.at = at
        return None
    if match[1]:
        return float(match[1]) / (1 if match[2] == "%" else 100), "%"
    if match[3]:
        return float(match[3]), "$"
    if match[4]:
        return float(match[4]) / (100 if match[5].startswith("cent") else 1), "$"
    return float(match[6]), "ATR"


def _streak_of(kind: str, count: float) -> Condition:
    code, said = {
        "green": ("bars.close > bars.open", "green bars (close above open)"),
        "red": ("bars.close < bars.open", "red bars (close below open)"),
        "up": ("bars.close > bars.close.shift(1)", "higher closes"),
        "down": ("bars.close < bars.close.shift(1)", "lower closes"),
    }[kind]
    series_of = Series(
        f"{kind}_bars",
        f"np.where({code}, 1.0, 0.0).rolling({{0}}).sum()",
        f"the number of {said} among the last {{0}}",
        (count,),
        (f"{kind.upper()}_BARS",),
    )
    return Compare(series_of, ">=", Number(count))


def streak(scan: Scanner, _memory: Memory) -> Condition | None:
    """Reads so many bars in a row of one direction or color; None where there is none."""
    match = scan.take(
        rf"(?:the )?(?:last|past|previous) {N} (?:{BARS}|closes) (?:were|are|was|have been|closed|close)(?: all)? (green|red|up|down|bullish|bearish|higher|lower)"
    )
    if match:
        kinds = {"bullish": "green", "bearish": "red", "higher": "up", "lower": "down", "up": "green", "down": "red"}
        return _streak_of(kinds.get(match[2], match[2]), float(match[1]))
    scan.take(r"(?:after|there (?:are|have been|were)|we see|we get|see)")
    match = scan.take(
        rf"(?:at least )?{N} (?:consecutive |straight |successive )*(green|red|up|down|bullish|bearish|white|black|rising|falling|higher|lower) ({BARS}|closes|bars)(?: (?:in a row|straight|running|back to back))?"
    )
    if match:
        word = match[2]
        kind = {
            "bullish": "green",
            "white": "green",
            "bearish": "red",
            "black": "red",
            "rising": "up",
            "higher": "up",
            "falling": "down",
            "lower": "down",
        }.get(word, word)
        if kind in ("up", "down") and word in ("up", "down") and match[3] not in ("closes",):
            kind = {"up": "green", "down": "red"}[kind]
        return _streak_of(kind, float(match[1]))
    match = scan.take(
        rf"(?:(?:the )?(?:price|it|stock|close|market|@\S+) )?(?:has )?(?:closes|closed|close|rises|risen|rose|falls|fallen|fell|drops|dropped|is|goes|gone)?(?: been)? ?(up|down|higher|lower|rising|falling|risen|fallen|rises|falls|drops|dropped|declined)? ?(?:for )?(?:at least )?{N} (?:consecutive |straight |successive )?({BARS}|times|closes)(?: (in a row|straight|running|in succession))?"
    )
    if (
        match
        and (match[1] or re.search(r"\b(rises|risen|rose|falls|fallen|fell|drops|dropped)\b", match[0]))
        and (match[4] or re.search(r"consecutive|straight|successive|for", match[0]))
    ):
        up = bool(re.search(r"\b(?:up|higher|rising|risen|rises|rose)\b", match[0]))
        return _streak_of("up" if up else "down", float(match[2]))
    match = scan.take(
        r"(?:the |a |an )?(?:last |current |previous )?(?:bar|candle)(?: is| was| closes)?(?: a)? (green|red|bullish|bearish)|(?:a |the )?(green|red|bullish|bearish) (?:candle|bar)"
    )
    if match:
        word = match[1] or match[2]
        return Compare(
            CLOSE, ">" if word in ("green", "bullish") else "<", Series("open", "bar.open", "the bar's open")
        )
    return None


def _change(bars: float, percent: float, up: bool) -> Condition:
    return Compare(change_over(bars), ">=" if up else "<=", Number(percent if up else -percent, "%"))


def move(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a fall or rise by so many percent; None where there is none."""
    at = scan.at
    what = scan.take(
        rf"{THE}(?:price|stock|it|close|market|shares|coin|asset|@\S+)(?: (?:price|stock))?(?: has| have| is| 's)*"
    )
    for words, up in ((FALLS, False), (RISES, True)):
        here = scan.at
        match = scan.take(rf"(?:{words})(?: by| more than| at least| over| down| up| another)* ?{N} ?%(?: or more)?")
        if match is None and not what:
            match = scan.take(
                rf"(?:an? )?{N} ?% (?:{'drop|dip|fall|decline|pullback|loss|crash|sell off|decrease' if not up else 'rise|gain|jump|rally|increase|surge|spike|move up'})(?: in (?:the )?price)?"
            )
        if match:
            percent = float(match[1])
            span = scan.take(SPAN)
            if span:
                bars = (
                    bars_of(float(span[1]), span[2], f"“{span[0].strip()}”")
                    if span[1]
                    else bars_of(1, span[4], "a day") * (0.5 if span[3] == "half an" else 1)
                )
                return _change(bars, percent, up)
            if memory.position and scan.take(
                r"(?:from|off|below)(?: its| the)? (?:peak|top|highest price|highest close|high since (?:the )?(?:entry|purchase)|highest point)"
            ):
                return Trail(percent, "%")
            if scan.take(r"(?:from|below|off|under|above|over|versus|since|compared (?:to|with))"):
                right = series(scan)
                if right is not None and right.name not in ("close", "open", "high", "low", "volume"):
                    times = 1 + (1 if up else -1) * percent / 100
                    return Compare(CLOSE, ">=" if up else "<=", replace(right, times=times))
                if scan.take(r"(?:the )?(?:recent )?(?:high|low|peak|top)"):
                    raise Unexpressible(f"“{match[0].strip()} from the high”: the high of how many bars?")
                scan.at = at
                return None
            if memory.position:
                # Of a position: what it has lost or gained since it was bought.
                return Result(percent, "%", up)
            raise Unexpressible(f"“{scan.text[at : scan.at].strip()}”: within how many minutes, or from which price?")
        scan.at = here
    scan.at = at
    return None


def breakout(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a close beyond the high or low of so many bars; None where there is none."""
    at = scan.at
    match = scan.take(
        r"(?:on )?(?:a |an |the )?(?:break ?out|breakout|break|breaks? out|breaking out|breaks?|breakdown|makes?|making|sets?|hits?|prints?|reaches)(?: out)?(?: (?:above|below|of|over|under|through|from|to))*(?: the| its| an?)?(?: new)? "
    )
    start = scan.at
    scan.take(ARTICLES)
    scan.take("new")
    found = scan.take(rf"{N} ?({BARS}|hours?|days?|weeks?) (high|low)s?")
    subject = None
    if found is None and match is None:
        scan.at = at
        subject = scan.take(rf"{THE}(?:price|it|close|stock|market|@\S+)")
        if subject:
            match = scan.take(
                r"(?:makes?|sets?|hits?|prints?|reaches|breaks?|closes? at|breaks? out)(?: out)?(?: (?:above|below|of|over|under|through|to))*(?: the| its| a| an)?(?: new)? "
            )
            scan.take(ARTICLES)
            scan.take("new")
            found = scan.take(rf"{N} ?({BARS}|hours?|days?|weeks?) (high|low)s?") if match else None
    if found is None and match is not None:
        scan.at = start
        line = series(scan)
        if line is not None and line.name.startswith(("highest", "lowest")):
            memory.left, memory.right = CLOSE, line
            return Compare(CLOSE, ">" if line.name.startswith("highest") else "<", line)
    if found is None:
        scan.at = at
        return None
    if match is None and not re.search(r"new", scan.text[at:start] + found[0]):
        scan.at = at
        return None
    right = channel(found[3], bars_of(float(found[1]), found[2], f"“{found[0].strip()}”"))
    up = found[3] == "high"
    memory.left, memory.right = CLOSE, right
    return Compare(CLOSE, ">" if up else "<", right)
