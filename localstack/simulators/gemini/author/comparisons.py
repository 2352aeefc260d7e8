"""Phrases that compare: a series with a level or with another series, also one that was spoken of before."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from simulators.gemini.author.averages import average
from simulators.gemini.author.phrases import AT_LEAST, AT_MOST, CROSS, DOWN, IS, UP, Memory
from simulators.gemini.author.rules import Both, Compare, Condition, Cross, Not, Number, Operand, Series, Turn, contrary
from simulators.gemini.author.scanner import BARS, THE, N, Scanner, Unexpressible, Unlike
from simulators.gemini.author.series import CLOSE, VOLUME, operand, series


def first_close(scan: Scanner, memory: Memory) -> Condition | None:
    """“The first close back above the lower band after being below it”: a cross."""
    if not scan.take(r"(?:the )?(?:first )?(?:close|bar|candle)(?: that| which)?(?: closes)? back"):
        return None
    found = anaphora(scan, memory) or comparison(scan, memory)
    if not isinstance(found, Compare):
        return None
    scan.take(
        r"after (?:being|having been|it was|it has been|closing|trading) (?:below|under|above|over|outside)(?: it| there| that)?"
    )
    return Cross(found.left, found.op in (">", ">="), found.right)


def comparison(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a comparison whose first side is named; None where there is none."""
    at = scan.at
    spoken = (
        scan.take(r"it|they|this|that") if memory.left is not None and memory.left.name in ("supertrend",) else None
    )
    left = memory.left if spoken else series(scan)
    if left is None:
        return None
    negative = False
    event = None
    if (
        left == CLOSE
        and memory.left is not None
        and memory.measured
        and scan.text[at : scan.at].strip() in ("it", "they", "this", "that")
    ):
        # "It" is what was spoken of, where the level says so too.
        here = scan.at
        scan.take(rf"(?:{IS} )*(?:{CROSS} )?(?:back )?(?:{UP}|{DOWN}|{AT_LEAST}|{AT_MOST})?")
        level = scan.take(rf"{N}(?! ?(?:%|dollars|bars?|minutes?|:|am|pm))")
        scan.at = here
        if level and memory.left.scale in ("price", "volume"):
            said = " or ".join(dict.fromkeys(["the price", *(each.words for each in memory.measured)]))
            raise Unexpressible(f"“{scan.text[at : level.end()].strip()}”: what is meant, {said}?")
        if level:
            left = memory.left
            if len(memory.measured) > 1:
                memory.notes.append(f"“{scan.text[at : scan.at].strip()}” is read as {left.words}.")
    while True:
        if scan.take(r"(?:does not|do not|not|no longer|never)"):
            negative = not negative
        elif match := scan.take(rf"(?:has |have )?{CROSS}(?: back)?(?: up| down| out)?(?= )"):
            event = match
        elif not scan.sees(rf"{AT_LEAST}|{AT_MOST}|within") and scan.take(IS):
            continue
        else:
            break
    op: str | None = None
    distance = _distance(scan)
    if distance is not None:
        line, above = distance
        memory.left, memory.right, memory.pair = left, line, (left, line)
        off: Condition = Compare(left, ">=" if above else "<=", line)
        return contrary(off) if negative else off
    more = scan.take(rf"(?:at |to )?{N} or (less|lower|below|under|more|higher|above)") if left.levels else None
    if more:
        sign: Literal["<=", ">="] = "<=" if more[2] in ("less", "lower", "below", "under") else ">="
        return _made(left, sign, Number(float(more[1])), memory, event=False, negative=negative)
    if both := _both_lines(scan, left):
        memory.left, memory.right = left, both.parts[-1].right  # type: ignore[union-attr]
        return both
    if scan.take(AT_LEAST):
        op = ">="
    elif scan.take(AT_MOST):
        op = "<="
    elif scan.take(rf"{UP}(?: or equal to)?"):
        op = ">"
    elif scan.take(DOWN):
        op = "<"
    elif event and re.search(r"\bup\b", event[0]):
        op = ">"
    elif event and re.search(r"\bdown\b", event[0]):
        op = "<"
    elif left is VOLUME and scan.sees(rf"{N} ?(?:x|times)|twice|double|triple|{N} ?% of"):
        op = ">="
    elif near := scan.take(rf"within {N} ?% of"):
        about = series(scan)
        if about is None:
            scan.at = at
            return None
        part = float(near[1]) / 100
        return Both(
            (Compare(left, ">=", replace(about, times=1 - part)), Compare(left, "<=", replace(about, times=1 + part)))
        )
    elif scan.take(r"between"):
        low, joint = operand(scan, left), scan.take(r"and|-|to")
        high = operand(scan, left) if joint else None
        if low is not None and high is not None:
            memory.left = left
            return Both((Compare(left, ">=", low), Compare(left, "<=", high)))
        scan.at = at
        return None
    elif event and (other := _crossed(scan, left)) is not None:
        crossed, up = other
        if up is None:
            if memory.position:
                raise Unexpressible(f"“{left.words} crosses {crossed.words}”: from above or from below?")
            memory.notes.append(f"“Crosses” is read as: {left.words} crosses above {crossed.words}.")
        memory.left, memory.right = left, crossed
        if isinstance(crossed, Number) and left.scale not in ("price", "volume") and left not in memory.measured:
            memory.measured.append(left)
        if isinstance(crossed, Series):
            memory.pair = (left, crossed)
        _check_scales(left, crossed)
        return Cross(left, up is not False, crossed)
    else:
        rest = _state_of(scan, left, at, memory.left)
        if rest is not None:
            memory.left = left
            return rest
    if op is None:
        scan.at = at
        return None
    right = operand(scan, left)
    if isinstance(right, Number) and (more := scan.take(r"or (?:less|lower|below|under|more|higher|above)")):
        op = "<=" if more[0].split()[-1] in ("less", "lower", "below", "under") else ">="
    if right is None:
        if memory.pair and memory.pair[0] == left and event:
            return Cross(left, op == ">", memory.pair[1])
        scan.at = at
        return None
    found = _made(left, op, right, memory, event=event is not None, negative=negative)
    if event:
        scan.take(r"from (?:below|above|under|underneath|over)|to the (?:upside|downside)|again")
    further = [found]
    while isinstance(right, Series) and (more := scan.take(r"(>|<|>=|<=)")):
        # "a > b > c".
        before, right = right, operand(scan, right)
        if right is None:
            scan.at = at
            return None
        further.append(_made(before, more[1], right, memory, event=False, negative=False))
    return Both(tuple(further)) if len(further) > 1 else found


def _both_lines(scan: Scanner, left: Series) -> Both | None:
    """“Above both the 20 and the 50 SMA”."""
    at = scan.at
    match = scan.take(
        rf"({UP}|{DOWN}) (?:both )?{THE}{N} ?(?:{BARS} )?and {THE}{N} ?(?:{BARS} )?(smas?|emas?|moving averages?|averages?|mas?)"
    )
    if match is None or left.scale != "price":
        scan.at = at
        return None
    kind = "ema" if match[4].startswith("ema") else "sma"
    op: Literal["<", ">"] = ">" if re.fullmatch(UP, match[1].strip()) else "<"
    return Both(tuple(Compare(left, op, average(kind, float(each))) for each in (match[2], match[3])))


def _crossed(scan: Scanner, left: Series) -> tuple[Operand, bool | None] | None:
    """What is crossed where no direction stands before it, and the direction if one stands behind it."""
    at = scan.at
    line = operand(scan, left)
    if line is None or line == left:
        scan.at = at
        return None
    if scan.take(r"to the upside|upwards?|from below|from underneath|up"):
        return line, True
    if scan.take(r"to the downside|downwards?|from above|down"):
        return line, False
    return line, None


def _distance(scan: Scanner, spoken: Operand | None = None) -> tuple[Series, bool] | None:
    """“0.5 % below the 50-bar average”, “2 dollars above VWAP”; without a line, of the one that was spoken of."""
    at = scan.at
    scan.take(r"(?:at least|more than|over)")
    match = scan.take(
        rf"(?:{N} ?%|\$ ?{N}|{N} ?(?:dollars?|usd))(?: or more)? (above|over|higher than|below|under|beneath|lower than)"
    )
    begin = scan.at
    right = series(scan) if match else None
    if right == CLOSE and scan.text[begin : scan.at].strip() in ("it", "that"):
        right = None
    if match is not None and right is None and isinstance(spoken, Series) and spoken.scale == "price":
        right = replace(spoken, times=1.0, plus=0.0)
    if match is not None and right is not None and right.name in ("high", "low", "open"):
        raise Unexpressible(
            f"“{scan.text[at : scan.at].strip()}”: the {right.name} of which bars? For example of the day so far, of the last 20 bars, or the highest price since the purchase."
        )
    if match is None or right is None or right == CLOSE:
        scan.at = at
        return None
    above = match[4] in ("above", "over", "higher than")
    sign = 1 if above else -1
    if match[1]:
        return replace(right, times=1 + sign * float(match[1]) / 100), above
    return replace(right, plus=sign * float(match[2] or match[3])), above


def _check_scales(left: Series, right: Operand) -> None:
    """Prices are compared with prices, volumes with volumes, an oscillator with its levels and others of its kind."""
    if isinstance(right, Series):
        if left.scale != right.scale:
            raise Unlike(
                f"{left.words} beside {right.words}, which are not measured alike and cannot be compared. Which level, or which other line, is meant?"
            )
    elif left.scale == "price" and (right.value <= 0 or right.unit == "%"):
        raise Unlike(f"{left.words} compared with {right.words}. Which indicator, or which level, is meant?")
    elif left.levels is not None and left.levels[0] >= 0 and not 0 < right.value < 100:
        raise Unexpressible(
            f"{left.words} lies between 0 and 100, so it is never compared with {right.words}. Which level is meant?"
        )


def _made(left: Series, op: str, right: Operand, memory: Memory, *, event: bool, negative: bool) -> Condition:
    if (
        isinstance(right, Number)
        and right.unit == ""
        and left is CLOSE
        and 0 < right.value <= 100
        and memory.left is not None
        and memory.left.levels
    ):
        # "Sell when it is above 70", said of an oscillator.
        left = memory.left
    _check_scales(left, right)
    if isinstance(right, Number) and left.scale not in ("price", "volume") and left not in memory.measured:
        memory.measured.append(left)
    if right == left:
        # "It closes below it": the second one is what the first was compared with before.
        if memory.pair is None or memory.pair[0] != left:
            raise Unexpressible(f"“{left.words}” is compared with itself. With what should it be compared?")
        right = memory.pair[1]
    memory.left, memory.right = left, right
    if isinstance(right, Series):
        memory.pair = (left, right)
    if left is CLOSE and isinstance(right, Series) and right.name.startswith(("highest", "lowest")):
        event = False
    found: Condition = Cross(left, op == ">", right) if event else Compare(left, op, right)  # type: ignore[arg-type]
    if negative:
        return contrary(found) if isinstance(found, Compare) else Not(found)
    return found


def _state_of(scan: Scanner, left: Series, start: int, memory_left: Series | None) -> Condition | None:
    said = scan.text[start : scan.at]
    if left.name == "supertrend" and (
        found := scan.take(
            r"(?:turns?|points?|pointing|flips?|goes|is)? ?(up|green|bullish|down|red|bearish)(?:wards?)?"
        )
    ):
        return Compare(left, ">" if found[1] in ("up", "green", "bullish") else "<", Number(0))
    match = scan.take(
        r"(?:turns?|turning|starts?|begins?|to|slopes?|sloping|points?|pointing)* ?(rise|rising|up|upwards?|increasing|higher|fall|falling|down|downwards?|decreasing|lower)(?! than)(?:wards?)?(?! \d)"
    )
    if match:
        return Turn(left, match[1] in ("rise", "rising", "up", "upward", "upwards", "increasing", "higher"))
    if re.search(r"\b(?:rising|rises)\s*$", said) and left is not CLOSE:
        return Turn(left, True)
    if re.search(r"\b(?:falling|falls)\s*$", said) and left is not CLOSE:
        return Turn(left, False)
    if left is VOLUME and scan.take(r"(?:spikes?|surges?|unusually high|high|elevated|strong)"):
        raise Unexpressible("A volume spike: how many times the average volume of how many bars?")
    if left.scale == "price":
        if memory_left is None or memory_left.scale == "price":
            return None
        left = memory_left
    match = scan.take(
        r"(?:turns?|becomes?|flips?)(?: from)?(?: (?:negative|positive) to)? (positive|negative)(?: after (?:being|having been) (?:positive|negative))?"
    )
    if match:
        return Cross(left, match[1] == "positive", Number(0))
    match = scan.take(r"(positive|negative)")
    if match:
        return Compare(left, ">" if match[1] == "positive" else "<", Number(0))
    return None


def anaphora(scan: Scanner, memory: Memory) -> Condition | None:
    """“Above 70”, “back under the average”: of what was spoken of before."""
    at = scan.at
    if (
        memory.left is not None
        and memory.left != CLOSE
        and (turn := scan.take(r"(?:is )?(rising|increasing|going up|falling|decreasing|going down)"))
    ):
        return Turn(memory.left, turn[1] in ("rising", "increasing", "going up"))
    here = scan.at
    scan.take(rf"(?:{IS} )*")
    if scan.sees(rf"{N} ?%|\$ ?{N}") and (off := _distance(scan, memory.right)) is not None:
        line, above = off
        memory.left, memory.right, memory.pair = CLOSE, line, (CLOSE, line)
        return Compare(CLOSE, ">=" if above else "<=", line)
    scan.at = here
    event = scan.take(rf"{CROSS}(?: back)?")
    scan.take(rf"(?:{IS} )*")
    op = (
        ">"
        if scan.take(UP)
        else "<"
        if scan.take(DOWN)
        else ">="
        if scan.take(AT_LEAST)
        else "<="
        if scan.take(AT_MOST)
        else None
    )
    if op is None:
        scan.at = at
        if memory.left is not None and memory.left.levels:
            if more := scan.take(rf"(?:at )?{N} or (less|lower|below|under|more|higher|above)"):
                sign: Literal["<=", ">="] = "<=" if more[2] in ("less", "lower", "below", "under") else ">="
                return Compare(memory.left, sign, Number(float(more[1])))
            match = scan.take(rf"at {N}(?= |$)(?! ?(?:%|:|am|pm|bars|minutes))")
            if match and isinstance(memory.right, Number):
                level = float(match[1])
                return Compare(memory.left, ">=" if level > memory.right.value else "<=", Number(level))
            scan.at = at
        return None
    right = operand(scan, memory.left)
    if isinstance(right, Number) and scan.sees(
        r"(?:new |more |open )?(?:trades?|times?|entries|entry|buys?|purchases?|positions?|orders?|shares?|coins?|bars?|minutes?|hours?|days?|%|a day|per day|dollars|signals?)"
    ):
        scan.at = at
        return None
    if right is None:
        if memory.pair and (event or scan.done or scan.sees(r"[.,;]|and|with|or")):
            if event:
                return Cross(memory.pair[0], op == ">", memory.pair[1])
            return Compare(memory.pair[0], op, memory.pair[1])  # type: ignore[arg-type]
        if memory.right is not None and memory.left is not None and scan.take(r"(?:it|that|again|there)"):
            return Compare(memory.left, op, memory.right)  # type: ignore[arg-type]
        scan.at = at
        return None
    if isinstance(right, Series):
        if right.scale == "price" and (memory.left is None or memory.left.scale != "price"):
            left = CLOSE
        else:
            left = (
                CLOSE
                if memory.left is None
                or memory.left.levels is not None
                or right.name in ("vwap",)
                or not isinstance(memory.right, Series)
                else memory.left
            )
    elif memory.left is not None and memory.left is not CLOSE and isinstance(memory.right, Number):
        left = memory.left
    elif right.unit == "$":
        left = CLOSE
    elif memory.left is None or (memory.left == CLOSE and isinstance(memory.right, Number)):
        memory.notes.append(f"{right.words} is read as a price, since no indicator is named.")
        left = CLOSE
    else:
        scan.at = at
        return None
    return _made(left, op, right, memory, event=event is not None, negative=False)
