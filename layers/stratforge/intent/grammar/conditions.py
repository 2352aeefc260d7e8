"""Conditions, by their parts: what is compared, how it moves or stands, and what it is compared with; streaks, looks back, times of the day."""

from __future__ import annotations

import re
from dataclasses import replace

from stratforge.intent.grammar.chart import rule
from stratforge.intent.grammar.operands import CLOSE, ELIDED, IT, atr_away, average, away, macd, marked
from stratforge.intent.grammar.values import Condition, Operand, possible

_UP, _DOWN = ">", "<"
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


def compare(left: Operand, sign: str, right: Operand, *, loose: bool = False) -> Condition | None:
    """A comparison; None where the two are of different scales."""
    if not _fits(left, right):
        return None
    if right.money and left is ELIDED and sign == "<=":
        # “At most $1,000” may say how much is bought.
        return None
    if right.number is not None and not possible(left.text, right.number):
        return None
    if right.text in ("day_high", "day_low"):
        # The day's high takes this bar in: what is above it makes it.
        if left.text not in ("close", "it") or (sign == ">") != (right.text == "day_high") or sign not in "<>":
            return None if sign in "<>" else Condition("compare", left, sign, right)
        return Condition("raw", text="high > day_high_before" if sign == ">" else "low < day_low_before")
    return Condition("compare", left, sign, right, loose=loose)


def _standing(found: Condition | None, said: str | None) -> Condition | None:
    """“Has been above”, “stayed below”: a condition that may be of a stretch."""
    lasting = re.search(r"been|stay|remain", said or "") is not None
    return replace(found, lasting=True) if found is not None and lasting else found


def _fits(left: Operand, right: Operand) -> bool:
    if right.away and (left.kind not in ("price", "it") or left.text not in ("close", "it", "low", "high", "day_open")):
        return False
    if right.money and left.kind == "own":
        # Some indicators are differences of prices.
        return left.text.startswith(("ta.atr", "ta.macd", "ta.mom"))
    if right.kind == "number" and right.number is not None:
        return left.kind in ("own", "it", "price", "volume")
    if right.kind == "it":
        return left.kind in ("it", "price", "own")
    if "ref" in (left.kind, right.kind):
        return {left.kind, right.kind} <= {"ref", "price", "it"} and left.kind != right.kind
    if right.kind == "bare":
        return left.kind in ("bare", "price") and (left.kind == "bare" or left.average > 0)
    if left.kind == "bare":
        return right.kind in ("bare", "price") and (right.kind == "bare" or not right.average)
    if "it" in (left.kind, right.kind) and "volume" in (left.kind, right.kind):
        return False
    kinds = {left.kind, right.kind} - {"it", "range"}
    return len(kinds) <= 1 or kinds == {"price"}


def cross(left: Operand, up: str, right: Operand) -> Condition | None:
    """Makes a crossing; None where the two are of different scales."""
    if right.number is not None and not possible(left.text, right.number):
        return None
    return Condition("cross", left, _UP if up == "up" else _DOWN, right) if _fits(left, right) else None


def _moved(left: Operand, way: str, sign: str, right: Operand) -> Condition | None:
    """“Dips below”, “breaks above”: where it is, or the moment at which it gets there. What moves the other way says nothing."""
    if way and (way == "up") != (sign == _UP):
        return None
    return compare(left, sign, right, loose=True)


def _far(left: Operand, right: Operand, strict: bool = False) -> Condition | None:
    """“2 % below the VWAP”: at least so far."""
    if not right.away:
        return None
    sign = ">=" if right.away.endswith("up") else "<="
    return compare(left, sign[0] if strict else sign, right)


def _all(*parts: Condition | None) -> Condition | None:
    kept = [each for each in parts if each is not None]
    return Condition("all", parts=tuple(kept)) if len(kept) == len(parts) else None


def _between(left: Operand, low: Operand, high: Operand) -> Condition | None:
    if low.number is None or high.number is None or low.number >= high.number or "number" not in (low.kind, high.kind):
        return None
    return _all(compare(left, ">=", low), compare(left, "<=", high))


def bars(count: float, condition: Condition | None) -> Condition | None:
    """A condition on each of so many bars."""
    if condition is None or count != int(count) or not 1 <= count <= 10_000:
        return None
    return Condition("bars", parts=(condition,), count=int(count))


def _color(which: str) -> Condition:
    return Condition("compare", CLOSE, _UP if which == "green" else _DOWN, Operand("open", "price"))


def _change(percent: float, minutes: float, way: str) -> Condition | None:
    if minutes != int(minutes) or not 1 <= minutes <= 10_000 or not 0 < percent < 100:
        return None
    text = f"100 * bars.close.pct_change({minutes:g})"
    return Condition("raw", text=f"{text} {'>=' if way == 'up' else '<='} {percent if way == 'up' else -percent:g}")


def _gap(percent: float | None, way: str, sign: str) -> Condition:
    factor = round(1 + (percent or 0) / 100 * (1 if way == "up" else -1), 10)
    right = f"{factor:g} * yesterday_close" if percent else "yesterday_close"
    return Condition("raw", text=f"day_open {('>' if way == 'up' else '<') + sign} {right}")


def _today(percent: float, way: str, sign: str = "=") -> Condition:
    factor = round(1 + percent / 100 * (1 if way == "up" else -1), 10)
    return Condition("raw", text=f"close {'>' if way == 'up' else '<'}{sign} {factor:g} * yesterday_close")


def _slope(left: Operand, up: bool) -> Condition | None:
    if left.kind in ("bare", "number", "range") or left.text == "close" or left.band or left.edge:
        return None
    return Condition("slope", left, _UP if up else _DOWN)


def _level(left: Operand, over: bool, number: Operand | None = None) -> Condition | None:
    if left.levels is None:
        return None
    level = number.number if number is not None and number.number is not None else left.levels[1 if over else 0]
    return compare(left, _UP if over else _DOWN, Operand(f"{level:g}", "number", number=level))


def _zero(left: Operand, up: bool, turned: bool) -> Condition | None:
    if left.kind not in ("own", "it"):
        return None
    zero = Operand("0", "number", number=0.0)
    return Condition("cross" if turned else "compare", left, _UP if up else _DOWN, zero)


def _touched(left: Operand, right: Operand, sign: str = "") -> Condition | None:
    """Reaching a level; from which side is known when what was bought by is."""
    if not _fits(left, right) or right.kind in ("own", "it", "bare"):
        return None
    return Condition("touch", left, sign, right)


def _at(right: Operand) -> Condition | None:
    """“At the middle band”, “on a 30-bar low”: a level that is reached, or an extreme that is made."""
    if right.kind not in ("price", "range") or right.text == "close":
        return None
    return _new(right) if right.text.startswith("bars.") and not right.band else _touched(CLOSE, right)


def trend(numbers: tuple[float, ...], up: bool, turned: bool) -> Condition | None:
    """Makes a condition of the SuperTrend’s direction, with the numbers that were said of it."""
    if len(numbers) not in (0, 2):
        return None
    length, multiplier = (
        marked(f"supertrend{index}", numbers[index] if numbers else None, usual) for index, usual in enumerate((10, 3))
    )
    text = f"ta.supertrend(bars.high, bars.low, bars.close, length={length}, multiplier={multiplier}).direction"
    return Condition("trend", sign=_UP if up else _DOWN, text=text, loose=turned)


def _ittrend(up: bool) -> Condition:
    return Condition("trend", sign=_UP if up else _DOWN, loose=True)


def _golden(one: Operand, other: Operand, *, up: bool) -> Condition | None:
    if not one.average or not other.average or one.average == other.average:
        return None
    fast, slow = sorted((one, other), key=lambda each: each.average)
    return Condition("cross", fast, _UP if up else _DOWN, slow)


def _new(right: Operand) -> Condition | None:
    """“Breaks the high of the first 15 minutes”, “makes a 60-bar high”."""
    return compare(CLOSE, _UP if right.edge == "high" else _DOWN, right, loose=True) if right.edge and not right.away and not right.band else None  # fmt: skip


def _at_level(left: Operand, number: float) -> Condition | None:
    return Condition("touch", left, "", Operand(f"{number:g}", "number", number=number)) if left.levels else None


def _run(count: float, way: str) -> Condition | None:
    """So many bars in a row, each of which closes beyond the one before."""
    if not way or count <= 1:
        return None
    return bars(count, Condition("raw", text=f"close {'>' if way == 'up' else '<'} previous(close)"))


def _within(count: float, condition: Condition) -> Condition | None:
    return Condition("within", parts=(condition,), count=int(count)) if count == int(count) and count >= 1 and condition.form in ("compare", "cross") else None  # fmt: skip


def _back(up: str | None) -> Condition:
    return Condition("back", sign="" if up is None else _UP if up == "up" else _DOWN)


def _pair(kind: str | None, one: float, other: float) -> tuple[Operand, Operand] | None:
    first, second = average(kind or "sma", one), average(kind or "sma", other)
    return (first, second) if first and second and one != other else None


def _fell(left: Operand, way: str, percent: float, right: Operand) -> Condition | None:
    """“Falls 1 % from the high of the day”."""
    if not way or left.text not in ("close", "it") or right.text == "close" or right.kind != "price":
        return None
    level = away(percent, way, right)
    return _far(left, level) if level else None


def _fell_atr(left: Operand, way: str, factor: float, length: float, right: Operand) -> Condition | None:
    if not way or left.text not in ("close", "it") or right.text == "close" or right.kind != "price":
        return None
    level = atr_away(factor, length, way, right)
    return _far(left, level) if level else None


def _macd_cross(numbers: tuple[float, ...] | None, up: bool) -> Condition | None:
    line, signal = macd("macd", numbers), macd("signal", numbers)
    return Condition("cross", line, ">" if up else "<", signal) if line and signal else None


def _back_of(left: Operand, up: str) -> Condition | None:
    """“The MACD line crosses back under”: only what crossed before can cross back."""
    if left.kind == "it":
        return _back(up)
    return Condition("backof", left, ">" if up == "up" else "<")


def _signed_far(sign: str, percent: float, right: Operand) -> Condition | None:
    level = away(percent, "up" if sign == "+" else "down", right) if right.text != "close" else None
    return _far(CLOSE, level) if level else None


def _way_far(left: Operand, way: str, more: str | None, percent: float, right: Operand) -> Condition | None:
    """“Up more than 1 % from the open”."""
    if not way or left.text not in ("close", "it") or right.text == "close" or right.kind != "price":
        return None
    if right.text == "open":
        right = Operand("day_open", "price")
    level = away(percent, way, right)
    return _far(left, level, more == "strict") if level else None


def _flipped(left: Operand, sign: str, right: Operand) -> Condition | None:
    """“The PSAR flips below price”: the price comes to be above it."""
    if left.text == "close" or right.text != "close":
        return None
    return cross(CLOSE, "down" if sign == ">" else "up", left)


RULES = (
    rule("Above", "above", lambda: ">"),
    rule("Below", "below", lambda: "<"),
    rule("Sign", "Above|Below", lambda s: s),
    rule("Sign", "atleast", lambda: ">="),
    rule("Sign", "atmost", lambda: "<="),
    # Where something stands.
    rule("Cond", "Left =be? both? Sign Right", lambda a, said, s, b: _standing(compare(a, s, b), said)),
    rule("Cond", "Left be? 'not|isn't|isnt|ain't|aren't Sign Right", lambda a, s, b: compare(a, {">": "<=", "<": ">=", ">=": "<", "<=": ">"}[s], b)),
    rule("Cond", "Left =move 'right? 'to? Above|Below Right", _moved),
    rule("Cond", "Left =move|be 'back Above|Below Right", lambda a, _m, s, b: cross(a, "up" if s == ">" else "down", b)),
    rule("Cond", "Left =move Above|Below Right =fromside", lambda a, _m, s, b, u: cross(a, u, b) if (u == "up") == (s == ">") else None),
    rule("Cond", "Left turns Above|Below Right", lambda a, s, b: _flipped(a, s, b)),
    rule("Cond", "Left =move Above|Below Operand 'by 'at? 'least? Pct", lambda a, m, s, b, n: _signed_far("+" if s == ">" else "-", n, b) if a.text in ("close", "it") and m != "opens" else None),
    rule("Cond", "Left be? Above|Below Operand 'by 'at? 'least? Pct", lambda a, s, b, n: _signed_far("+" if s == ">" else "-", n, b) if a.text in ("close", "it") else None),
    rule("Cond", "Left be? Way MoreThan? Pct ormore? 'from|vs|since|off|over|against|versus Operand", lambda a, w, m, n, b: _way_far(a, w, m, n, b)),
    rule("Cond", "Left =move MoreThan? Pct 'from|vs|since|off|over|against|versus Operand", lambda a, w, m, n, b: _way_far(a, w, m, n, b)),
    rule("MoreThan", "'more|over 'than?", lambda: "strict"),
    rule("MoreThan", "atleast", lambda: "least"),
    rule("Cond", "'next|first|a|one 'close Sign Right", lambda s, b: compare(CLOSE, s, b)),
    rule("Cond", "'wait|waits|waiting 'for|until Left 'to =move Sign Right", lambda a, _m, s, b: compare(a, s, b, loose=True)),
    rule("Cond", "'wait|waits|waiting 'for|until Left 'to =move Sign Right Bars row", lambda a, _m, s, b, n: bars(n, compare(a, s, b))),
    rule("Cond", "'wait|waits 'for|until Left 'to cross =across Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "Left be? Sign Right 'which|that 'is Sign Right", lambda a, s, b, t, c: _all(compare(a, s, b), compare(b, t, c)) if s == t else None),
    rule("Cond", "'at Own 'at|of|=|is? Num", lambda a, n: _at_level(a, n)),
    rule("Cond", "Own 'at|=|is Num", lambda a, n: _at_level(a, n)),
    rule("Cond", "Left be? Right ormore", lambda a, b: compare(a, ">=", b) if b.number is not None else None),
    rule("Cond", "Left be? Right orless", lambda a, b: compare(a, "<=", b) if b.number is not None else None),
    rule("Cond", "Left be? 'at Right ormore", lambda a, b: compare(a, ">=", b) if b.number is not None else None),
    rule("Cond", "Left be? 'at Right orless", lambda a, b: compare(a, "<=", b) if b.number is not None else None),
    rule("Cond", "Left be? both? Sign Right 'and Right", lambda a, s, b, c: _all(compare(a, s, b), compare(a, s, c)) if b.kind == c.kind != "number" else None),
    rule("Cond", "Left be? Sign both Right 'and Right", lambda a, s, b, c: _all(compare(a, s, b), compare(a, s, c)) if b.kind == c.kind != "number" else None),
    rule("Cond", "Left 'and Left be? both? Sign Right", lambda a, c, s, b: _all(compare(a, s, b), compare(c, s, b)) if a.kind == c.kind == b.kind == "price" and a.text != c.text else None),
    rule("Cond", "Left Sign Right Sign Right", lambda a, s, b, t, c: _all(compare(a, s, b), compare(b, t, c)) if s == t else None),
    rule("Cond", "Left be? between Right 'and|to|-|— Right", _between),
    rule("Cond", "Left be? Far", _far),
    rule("Cond", "Left be? atleast Far", lambda a, b: _far(a, b)),
    rule("Cond", "Left be? 'more 'than Far", lambda a, b: _far(a, b, True)),
    rule("Cond", "Left =move 'to? atleast? Far", lambda a, m, b: _far(a, b) if not m or b.away.endswith(m) else None),
    rule("Cond", "Left fallto Far", lambda a, b: _far(a, b) if b.away.endswith("down") else None),
    rule("Cond", "Left =move Pct 'from|off|below|under Operand", lambda a, m, n, b: _fell(a, m, n, b)),
    rule("Cond", "Left be down Pct 'from|off Operand", lambda a, n, b: _fell(a, "down", n, b)),
    rule("Cond", "Left =move Num times? Atr 'from|below|off|under Operand", _fell_atr),
    # What is left out is what was spoken of.
    rule("Ellipsis", "Sign Right", lambda s, b: compare(ELIDED, s, b)),
    rule("Ellipsis", "=move Sign Right", lambda m, s, b: compare(ELIDED, s, b, loose=True) if not m or (m == "up") == (s[0] == ">") else None),
    rule("Ellipsis", "Right", lambda b: _touched(CLOSE, b) if b.band else None),
    rule("Ellipsis", "Way MoreThan? Pct ormore? 'from|vs|since|off|over|against|versus Operand", lambda w, m, n, b: _way_far(ELIDED, w, m, n, b)),
    rule("Ellipsis", "Way Pct ormore? 'on 'the 'day VsClose?", lambda w, n, _: _today(n, w)),
    rule("Ellipsis", "rising", lambda: _slope(ELIDED, True)),
    rule("Ellipsis", "falling", lambda: _slope(ELIDED, False)),
    rule("Ellipsis", "positive", lambda: _zero(ELIDED, True, False)),
    rule("Ellipsis", "negative", lambda: _zero(ELIDED, False, False)),
    rule("Ellipsis", "turns positive", lambda: _zero(ELIDED, True, True)),
    rule("Ellipsis", "turns negative", lambda: _zero(ELIDED, False, True)),
    rule("Ellipsis", "above", lambda: Condition("again", sign=">")),
    rule("Ellipsis", "below", lambda: Condition("again", sign="<")),
    rule("Ellipsis", "Far", lambda b: _far(ELIDED, b)),
    rule("Ellipsis", "atleast Far", lambda b: _far(ELIDED, b)),
    rule("Ellipsis", "cross =across Right", lambda u, b: cross(ELIDED, u, b)),
    rule("Ellipsis", "=through Right", lambda u, b: cross(ELIDED, u, b)),
    rule("Cond", "both 'are|lines|of? 'are|them|lines|is? 'are? Sign Right", lambda s, b: Condition("bothof", sign=s, right=b) if b.kind == "number" else None),
    rule("Cond", "'the? 'bar|candle|price|it? 'makes|prints|has? 'a? 'lower 'low 'than 'the? 'previous|prior|last|one 'bar|candle|one|before?", lambda: Condition("raw", text="low < previous(low)")),
    rule("Cond", "'the? 'bar|candle|price|it? 'makes|prints|has? 'a? 'higher 'high 'than 'the? 'previous|prior|last|one 'bar|candle|one|before?", lambda: Condition("raw", text="high > previous(high)")),
    # How it comes there.
    rule("Cond", "Left cross =across Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "Left =through Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "Left 'crossover|xover Right", lambda a, b: cross(a, "up", b) if b.kind in ("price", "own") else None),
    rule("Cond", "Left 'crossunder|xunder Right", lambda a, b: cross(a, "down", b) if b.kind in ("price", "own") else None),
    rule("Cond", "vwap cross =across", lambda u: cross(CLOSE, u, Operand("ta.vwap(bars.high, bars.low, bars.close, bars.volume)", "price"))),
    rule("Cond", "Left cross Right =fromside", lambda a, b, u: cross(a, u, b)),
    rule("Cond", "Left cross =across Right =fromside", lambda a, u, b, v: cross(a, u, b) if u == v else None),
    rule("Cond", "Left =across cross Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "Left cross Right =across", lambda a, b, u: cross(a, u, b)),
    rule("Cond", "Left reclaim Right =fromside?", lambda a, b, u: cross(a, "up", b) if u != "down" else None),
    rule("Cond", "Left above Right cross", lambda a, b: cross(a, "up", b)),
    rule("Cond", "Left below Right cross", lambda a, b: cross(a, "down", b)),
    rule("Cond", "cross 'of|above|over|through Right 'from 'below", lambda b: cross(IT, "up", b)),
    rule("Cond", "cross 'of|below|under|through Right 'from 'above", lambda b: cross(IT, "down", b)),
    rule("Cond", "'cross|crossover|crossing|break|breakout 'of? 'price? above Right", lambda b: cross(CLOSE, "up", b) if b.kind == "price" else None),
    rule("Cond", "'cross|crossunder|crossing|breakdown 'of? 'price? below Right", lambda b: cross(CLOSE, "down", b) if b.kind == "price" else None),
    rule("Cond", "Left touch Right fromside? lp Cond and|comma Cond rp", lambda _a, _b, c, d: _all(c, d)),
    rule("Cond", "=sign Pct 'from|vs|off|versus|below|above|on Operand", lambda s, n, b: _signed_far(s, n, b)),
    rule("Cond", "'at =sign Pct 'from|vs|off|versus|below|above|on Operand", lambda s, n, b: _signed_far(s, n, b)),
    rule("Cond", "reclaim Right", lambda b: cross(CLOSE, "up", b)),
    rule("Cond", "Left lose Right", lambda a, b: compare(a, "<", b, loose=True)),
    rule("Cond", "Left Left 'bullish cross", lambda a, b: _golden(a, b, up=True)),
    rule("Cond", "Left Left 'bearish cross", lambda a, b: _golden(a, b, up=False)),
    rule("Cond", "golden 'of|with|between|: Pairing", lambda p: _golden(p[0], p[1], up=True)),
    rule("Cond", "death 'of|with|between|: Pairing", lambda p: _golden(p[0], p[1], up=False)),
    rule("Cond", "golden", lambda: Condition("golden", sign=">")),
    rule("Cond", "death", lambda: _back("down")),
    rule("Cond", "macd Given? 'bullish|bull cross", lambda n: _macd_cross(n, True)),
    rule("Cond", "macd Given? 'bearish|bear cross", lambda n: _macd_cross(n, False)),
    rule("Cond", "'bullish|bull macd Given? cross", lambda n: _macd_cross(n, True)),
    rule("Cond", "'bearish|bear macd Given? cross", lambda n: _macd_cross(n, False)),
    rule("Pairing", "=ma? Num slash Num =ma?", lambda k, a, b, m: _pair(k or m, a, b)),
    rule("Pairing", "Num =ma? slash Num =ma", lambda a, k, b, m: _pair(k or m, a, b)),
    rule("Pairing", "=ma lp Num slash Num rp", _pair),
    rule("Pairing", "Average 'and|/|,|with|over Average", lambda a, b: (a, b)),
    rule("Cond", "Pairing cross", lambda p: _golden(p[0], p[1], up=True) if p[0].average < p[1].average else None),
    rule("Cond", "Pairing 'bullish|golden|up cross", lambda p: _golden(p[0], p[1], up=True)),
    rule("Cond", "=ma cross Num slash Num", lambda k, a, b: _golden(p[0], p[1], up=True) if a < b and (p := _pair(k, a, b)) else None),
    rule("Cond", "cross lp Left comma Left rp =across", lambda a, b, u: cross(a, u, b)),
    rule("Cond", "cross 'of Left =across Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "Left cross 'of =across Right", lambda a, u, b: cross(a, u, b)),
    rule("Cond", "pronoun cross 'back? =across?", lambda u: _back(u)),
    rule("Cond", "'lines|averages|it|they cross 'back? =across?", lambda u: _back(u)),
    rule("Cond", "'it|they|the|those|both 'lines|two|averages? cross 'back? =across?", lambda u: _back(u)),
    rule("Cond", "cross 'back? =across", lambda u: _back(u)),
    rule("Cond", "'opposite|reverse|inverse cross", lambda: _back(None)),
    rule("Cond", "Left cross 'back? =across", lambda a, u: _back_of(a, u) if "vwap" not in a.text else None),
    rule("Cond", "Left cross 'back? =across 'again", lambda a, u: _back_of(a, u)),
    # Reaching a level.
    rule("Cond", "Left touch Right", _touched),
    rule("Cond", "touch Right", lambda b: _touched(CLOSE, b)),
    rule("Cond", "'at|on|to Right", _at),
    rule("Cond", "'at|on Far", lambda b: _far(CLOSE, b)),
    rule("Cond", "Right touch", lambda b: _touched(CLOSE, b) if b.band else None),
    rule("Cond", "Left fallto Right", lambda a, b: _touched(a, b, "<=")),
    rule("Cond", "Left =move 'to Right", lambda a, m, b: _touched(a, b, "<=" if m == "down" else ">=") if m else None),
    # By its edge.
    rule("Cond", "Price? =move Right", lambda _a, m, b: _new(b) if not m else None),
    rule("Cond", "=price|pronoun? 'is Right", lambda a, b: _new(b) if "clos" not in (a or "") or "close" in b.text else None),
    rule("Cond", "Price? 'breaks|breaking|takes|clears|break|makes|hits|prints|sets|makes|making|tops 'out? new? 'a? Right", lambda _a, b: _new(b)),
    rule("Cond", "'break|breakout|breakdown 'of|from|above|over|below Right", lambda b: _new(b)),
    rule("Cond", "new Right", lambda b: _new(b)),
    rule("Cond", "Right 'breakout|break|breaks", lambda b: _new(b)),
    # Rising, falling, positive, oversold.
    rule("Cond", "Left be? rising Remark?", lambda a, r: _slope(a, True) if r in (None, "up") else None),
    rule("Cond", "Left be? falling Remark?", lambda a, r: _slope(a, False) if r in (None, "down") else None),
    rule("Remark", "lp above 'the|its? 'previous|last|prior 'bar|one|value|candle|minute rp", lambda: "up"),
    rule("Remark", "lp below 'the|its? 'previous|last|prior 'bar|one|value|candle|minute rp", lambda: "down"),
    rule("Cond", "Left =be? positive", lambda a, said: _standing(_zero(a, True, False), said)),
    rule("Cond", "Left =be? negative", lambda a, said: _standing(_zero(a, False, False), said)),
    rule("Cond", "Left turns positive", lambda a: _zero(a, True, True)),
    rule("Cond", "Left turns negative", lambda a: _zero(a, False, True)),
    rule("Cond", "Left turns 'from negative 'to positive", lambda a: _zero(a, True, True)),
    rule("Cond", "Left turns 'from positive 'to negative", lambda a: _zero(a, False, True)),
    rule("Cond", "Left be? oversold", lambda a: _level(a, False)),
    rule("Cond", "Left be? overbought", lambda a: _level(a, True)),
    rule("Cond", "Left be? oversold lp below? Right rp", lambda a, n: _level(a, False, n)),
    rule("Cond", "Left be? overbought lp above? Right rp", lambda a, n: _level(a, True, n)),
    rule("Trend", "supertrend Given", lambda n: n),
    rule("Trend", "supertrend Pair", lambda n: n),
    rule("Trend", "supertrend", lambda: ()),
    rule("Cond", "Trend turns bull", lambda n: trend(n, True, True)),
    rule("Cond", "Trend turns bear", lambda n: trend(n, False, True)),
    rule("Cond", "Trend be? bull", lambda n: trend(n, True, False)),
    rule("Cond", "Trend be? bear", lambda n: trend(n, False, False)),
    rule("Cond", "pronoun turns bull", lambda: _ittrend(True)),
    rule("Cond", "pronoun turns bear", lambda: _ittrend(False)),
    # Bars and streaks.
    rule("Color", "green", lambda: "green"),
    rule("Color", "red", lambda: "red"),
    rule("Streak", "'current|this|last|the? barword be Color", _color),
    rule("Streak", "barword 'closes|closed|finishes|ends Color", _color),
    rule("Streak", "'a|on|first|next? 'first|next? Color barword", _color),
    rule("Streak", "=nth row? Color barword row?", lambda n, c: bars(n, _color(c))),
    rule("Streak", "Price? 'closes|closed 'higher|up 'for 'the? =nth row? unit row?", lambda _a, n: _run(n, "up")),
    rule("Streak", "Price? 'closes|closed 'lower|down 'for 'the? =nth row? unit row?", lambda _a, n: _run(n, "down")),
    rule("Streak", "Price? be Color Bars row", lambda _a, c, n: bars(n, _color(c))),
    rule("Cond", "pronoun be Streak", lambda c: c),
    rule("Cond", "pronoun be Color Bars row", lambda c, n: bars(n, _color(c))),
    rule("Streak", "Num Color row? barword row?", lambda n, c: bars(n, _color(c)) if n > 1 else None),
    rule("Streak", "Num row Color barword", lambda n, c: bars(n, _color(c)) if n > 1 else None),
    rule("Streak", "Num barword row? 'closes|closed|close Color row?", lambda n, c: bars(n, _color(c)) if n > 1 else None),
    rule("Cond", "Streak", lambda c: c),
    rule("Streak", "Price? =move 'for? Bars row", lambda _a, m, n: _run(n, m)),
    rule("Streak", "Price? 'is|has? 'been? rising 'for? Bars row?", lambda _a, n: _run(n, "up")),
    rule("Streak", "Price? 'is|has? 'been? falling 'for? Bars row?", lambda _a, n: _run(n, "down")),
    rule("Streak", "Num row? 'higher 'closes row?", lambda n: _run(n, "up")),
    rule("Streak", "Num row? 'lower 'closes row?", lambda n: _run(n, "down")),
    rule("Cond", "Price 'has|had|prints|printed|makes|made|shows|posts|puts|gets 'in|up? Streak", lambda _, c: c),
    rule("Cond", "'there ''s|is|are|have 'been? Streak", lambda c: c),
    rule("Cond", "Streak 'on|for|in =symbol", lambda c, _: c),
    rule("Held", "'for? 'at? 'least? Bars row?", lambda n: n),
    rule("Cond", "Simple 'for 'the? 'last? Bars row?", lambda c, n: bars(n, c)),
    rule("Cond", "Simple Bars row", lambda c, n: bars(n, c)),
    rule("Cond", "Num row? 'closes|closed|close|bars|candles|minutes row? 'closed|closes|close? Sign Right row?", lambda n, s, b: bars(n, compare(CLOSE, s, b)) if n > 1 else None),
    rule("Cond", "'one|a 'close Sign Right", lambda s, b: compare(CLOSE, s, b)),
    rule("Simple", "Left be? Sign Right", compare),
    rule("Simple", "Left =move Sign Right", lambda a, _m, s, b: compare(a, s, b)),
    rule("Simple", "Left be? rising", lambda a: _slope(a, True)),
    rule("Simple", "Left be? falling", lambda a: _slope(a, False)),
    rule("Cond", "Simple 'at 'any|some 'time|point 'in|within|during last Bars", lambda c, n: _within(n, c)),
    rule("Cond", "Simple 'at 'least 'once 'in|within last Bars", lambda c, n: _within(n, c)),
    # Moves over a stretch, and since yesterday.
    rule("Way", "up", lambda: "up"),
    rule("Way", "down", lambda: "down"),
    rule("Cond", "Left? =move Pct 'or|more? 'in|within|over|inside|during 'of|the|last|a? last? Bars", lambda a, m, n, t: _change(n, t, m) if m and (a is None or a.text in ("close", "it")) else None),
    rule("Cond", "Left? lose Pct 'in|within|over|inside 'of|the|last? Bars", lambda _a, n, t: _change(n, t, "down")),
    rule("Cond", "Left be? Way Pct 'in|within|over|inside 'of|the|last|past? last? Bars", lambda a, w, n, t: _change(n, t, w) if a.text in ("close", "it") else None),
    rule("Cond", "Left be? Way Pct 'or|more? 'on|for|vs|from|against 'the? 'day VsClose?", lambda a, w, n, _: _today(n, w) if a.text in ("close", "it") else None),
    rule("Cond", "Left be? Way 'more|over 'than? Pct 'on|for 'the 'day VsClose?", lambda a, w, n, _: _today(n, w, "") if a.text in ("close", "it") else None),
    rule("Cond", "Left be? Way 'at 'least Pct 'on|for 'the 'day VsClose?", lambda a, w, n, _: _today(n, w) if a.text in ("close", "it") else None),
    rule("VsClose", "lp? 'vs|versus|from|against|compared|relative 'to|with? 'yesterday's|yesterdays|prior|previous 'close rp?", lambda: True),
    rule("Cond", "Left be? Way Pct 'from|vs|against|versus|over 'yesterday's|yesterdays|the|prior|previous 'close", lambda _a, w, n: _today(n, w)),
    rule("Cond", "Left be? Way 'on|for 'the 'day VsClose?", lambda _a, w, _: Condition("raw", text=f"close {'>' if w == 'up' else '<'} yesterday_close")),
    rule("GapSize", "Pct", lambda n: (n, "=")),
    rule("GapSize", "atleast Pct", lambda n: (n, "=")),
    rule("GapSize", "'by? Pct ormore", lambda n: (n, "=")),
    rule("GapSize", "'by? 'more 'than Pct", lambda n: (n, "")),
    rule("GapSize", "'by? above Pct", lambda n: (n, "")),
    rule("GapSize", "'by Pct", lambda n: (n, "=")),
    rule("Cond", "Price? gapup GapSize? AtOpen?", lambda _a, g, _: _gap(g and g[0], "up", g[1] if g else "")),
    rule("Cond", "Price? gapdown GapSize? AtOpen?", lambda _a, g, _: _gap(g and g[0], "down", g[1] if g else "")),
    rule("AtOpen", "'at openbell", lambda: True),
    rule("AtOpen", "'at openbell 'vs|versus|from|against 'yesterday's|yesterdays 'close", lambda: True),
    rule("AtOpen", "'vs|versus|from|against 'yesterday's|yesterdays 'close", lambda: True),
    rule("Cond", "Price|It? opens GapSize above YClose", lambda _a, g, _: _gap(g[0], "up", g[1])),
    rule("Cond", "Price|It? opens GapSize below YClose", lambda _a, g, _: _gap(g[0], "down", g[1])),
    rule("Cond", "Price|It? opens Above|Below Right", lambda _a, s, b: Condition("compare", Operand("day_open", "price"), s, b) if b.kind == "price" and s in "<>" and not b.away else None),
    rule("Cond", "Price|It? opens above YClose 'by GapSize", lambda _a, _, g: _gap(g[0], "up", g[1])),
    rule("Cond", "Price|It? opens below YClose 'by GapSize", lambda _a, _, g: _gap(g[0], "down", g[1])),
    rule("YClose", "'yesterday's|yesterdays 'close", lambda: 1),
    rule("YClose", "=daylevel", lambda s: 1 if s == "yesterday_close" else None),
)  # fmt: skip
