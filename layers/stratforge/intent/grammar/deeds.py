"""Parts of what is done: stops, targets, sizes, limits, hours and days."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratforge.intent.grammar.chart import rule
from stratforge.intent.grammar.operands import oscillator
from stratforge.intent.grammar.values import Condition, Operand

OPEN = 570.0


@dataclass(frozen=True)
class Exit:
    """A way out that names its own condition.

    Attributes:
        text: Its condition; `{0}` stands for `operand`.
        order: The rule of an exit of the order that says the same.
        own: Whether its words say by themselves that it sells.
        latest: Whether it is the latest moment, or its words leave open whether it is, so that no other condition narrows it.
    """

    text: str
    order: str = ""
    own: bool = False
    operand: Operand | None = None
    latest: bool = False


@dataclass(frozen=True)
class Size:
    """A size: the number of shares or dollars, or the part of the equity, that is bought."""

    value: float
    unit: str


@dataclass(frozen=True)
class Setting:
    """A limit per day, or a pause."""

    kind: str
    value: float


@dataclass(frozen=True)
class Window:
    """Times or days to which something is restricted; `plain` when its words do not say whether it is one, `buying` when they say that it is of buying."""

    text: str
    plain: bool = False
    buying: bool = False


@dataclass(frozen=True)
class Only:
    """A condition to which something is restricted; `buying` when its words say that it is of buying."""

    condition: Condition
    buying: bool = False


@dataclass(frozen=True)
class At:
    """A time of the day, or so many minutes before the close; `due` when it is the latest or the earliest one, which says of a purchase only a bound."""

    minute: float
    due: bool = False
    to_close: bool = False

    def text(self, *, once: bool) -> str:
        """The condition that it is just then, with `once`, or then and later."""
        if self.to_close:
            return (
                f"minutes_to_close <= {self.minute:g}{f' and minutes_to_close > {self.minute - 1:g}' if once else ''}"
            )
        return f"minute >= {self.minute:g}{f' and minute < {self.minute + 1:g}' if once else ''}"


def _stop(percent: float) -> Exit | None:
    return Exit(f"gain <= -{percent:g}", f"stop loss {percent:g}%", own=True) if 0 < percent < 100 else None


def _target(percent: float) -> Exit | None:
    return Exit(f"gain >= {percent:g}", f"take profit {percent:g}%", own=True) if percent > 0 else None


def _trail(percent: float) -> Exit | None:
    return Exit(f"drop >= {percent:g}", f"trailing stop {percent:g}%", own=True) if 0 < percent < 100 else None


def _trail_dollars(dollars: float) -> Exit:
    return Exit(f"drop_dollars >= {dollars:g}", own=True)


def _atr(length: float | None) -> str:
    found = oscillator("atr", length or None)
    return found.text if found else "?"


def _of_atr(gain: bool, factor: float, length: float | None, *, own: bool = True) -> Exit:
    text, sign = _atr(length), "+" if gain else "-"
    order = f"{'take profit' if gain else 'stop loss'} at close {sign} {factor:g} * {text}"
    return Exit(f"gain_dollars {'>=' if gain else '<='} {'' if gain else '-'}{factor:g} * {text}", order, own)


def _trail_atr(factor: float, length: float | None) -> Exit:
    return Exit(f"drop_dollars >= {factor:g} * {_atr(length)}", own=True)


def _dollars(gain: bool, dollars: float, *, own: bool = True) -> Exit:
    return Exit(f"gain_dollars {'>=' if gain else '<='} {'' if gain else '-'}{dollars:g}", own=own)


def _signed(sign: str, percent: float) -> Exit | None:
    found = _target(percent) if sign == "+" else _stop(percent)
    return Exit(found.text, "", False) if found else None


def _stop_at(level: Operand) -> Exit | None:
    if level.kind not in ("price", "range", "number") or (level.edge == "high" and level.text.startswith("day")):
        return None
    return Exit("close <= {0}", "stop loss at {0}", own=True, operand=level)


def _target_at(level: Operand) -> Exit | None:
    return Exit("close >= {0}", "take profit at {0}", own=True, operand=level) if level.kind in ("price", "range", "number") else None  # fmt: skip


def _words(*said: str | None) -> str:
    return " ".join(each for each in said if each)


def _is_placed(level: Operand, said: str) -> bool:
    """Whether the words put an exit at a price: “stop at $140”; “stop $2” and “cut losses at $2” may say how far away it is."""
    return not level.money or (re.search(r" (?:at|below|under)\b", said) is not None and re.search(r"loss|cut|bail|give|profits|gains", said.removeprefix("stop loss").removeprefix("stop-loss").removeprefix("stoploss")) is None)  # fmt: skip


def _held(bars: float, said: str = "after") -> Exit | None:
    if bars != int(bars) or bars < 1:
        return None
    return Exit(
        f"bars_held >= {bars:g}", latest=re.search(r"after|once|when|been|held|later|from|since|pass", said) is None
    )


def _equity(percent: float) -> Size | None:
    return Size(percent, "% of equity") if 0 < percent <= 100 else None


def _shares(count: float) -> Size | None:
    return Size(count, "shares") if count > 0 else None


def _limit(count: float) -> Setting | None:
    return Setting("at most", float(count)) if count == int(count) and 1 <= count <= 1000 else None


def _pause(bars: float) -> Setting | None:
    return Setting("wait", bars) if bars == int(bars) and bars >= 1 else None


def _only(start: float, end: float) -> str | None:
    return f"minute >= {start:g} and minute < {end:g}" if start < end else None


def _days(days: tuple[int, ...], *, only: bool) -> str:
    sign, joint = ("==", " or ") if only else ("!=", " and ")
    return joint.join(f"weekday {sign} {each}" for each in sorted(set(days)))


def _span(first: int, last: int) -> tuple[int, ...] | None:
    return tuple(range(first, last + 1)) if first < last else None


def _of_buying(said: str) -> bool:
    """Whether the words of a restriction say that it is of buying."""
    return re.search(r"entr|enter|buy|long|position|purchase", said) is not None


def _outside(start: float, end: float) -> str | None:
    return f"minute < {start:g} or minute >= {end:g}" if start < end else None


def _at(minute: float, said: str | None) -> At:
    return At(minute, due="latest" in (said or ""))


def _at_hour(number: float) -> At | None:
    minute = _hour(number)
    return None if minute is None else At(minute)


def _hour(number: float) -> float | None:
    """A bare hour: from 8 to 12 before noon, from 1 to 7 after it, 13 to 20 as it is."""
    if number != int(number) or not (1 <= number <= 20):
        return None
    return 60 * (number + 12 if number <= 7 else number)


RULES = (
    # Distances from what was paid.
    rule("FromEntry", "'from|below|under|above|over|of|off|on|at|vs|versus|against|since entry", lambda: True),
    rule("FromEntry", "'against|under|below 'me|us|it|water", lambda: True),
    rule("FromEntry", "'in 'profit|loss|gains", lambda: True),
    rule("Minus", "'-|minus|−|— ", lambda: "-"),
    # Stops.
    rule("StopWord", "=stop ='at|of|is|:|=|by|to|if|when|set|-|on|the|a|it's|it|price|placed|goes|once|out|everything|all|—|i'm|for|sits|sitting|lies|be? ='at|a|if|when|it|price|it's|i'm|of|the|for|is|down|on|loss?", _words),
    rule("ExitPart", "StopWord Minus? down? 'by? Pct 'loss|below|under|down|stop|drop|max|hard|adverse|drawdown|against? FromEntry?", lambda _, _m, n, _f: _stop(n)),
    rule("ExitPart", "'-|−|—? Pct 'hard|fixed|protective|initial|max|maximum|tight? stop FromEntry?", lambda n, _f: _stop(n)),
    rule("ExitPart", "StopWord Num times? Atr 'below|under|away|off|from|beneath? FromEntry?", lambda _, n, a, _f: _of_atr(False, n, a)),
    rule("ExitPart", "StopWord Minus Num times? Atr FromEntry?", lambda _, _m, n, a, _f: _of_atr(False, n, a)),
    rule("ExitPart", "Num times? Atr stop FromEntry?", lambda n, a, _f: _of_atr(False, n, a)),
    rule("ExitPart", "StopWord Minus? Usd per_share? 'below|under|loss|down|away|from|off? FromEntry? per_share?", lambda _, m, n, f: _dollars(False, n) if f or m else None),
    rule("ExitPart", "Usd per_share? stop FromEntry?", lambda n, _f: _dollars(False, n)),
    rule("ExitPart", "StopWord 'just? ='at|below|under|is|on? Level", lambda said, at, x: _stop_at(x) if _is_placed(x, f"{said} {at}") else None),
    rule("ExitPart", "Num times? Atr 'below|under entry", lambda n, a: Exit(_of_atr(False, n, a).text, _of_atr(False, n, a).order)),
    rule("Level", "Operand", lambda x: x if x.kind in ("price", "range") and x.text not in ("close",) and not x.text.startswith("range.high") else None),
    rule("Level", "=money", lambda n: Operand(f"{n:g}", "number", number=n, money=True)),
    rule("Level", "'at Num", lambda n: Operand(f"{n:g}", "number", number=n)),
    # Targets.
    rule("TargetWord", "=target ='at|of|is|:|=|by|to|when|if|on|a|the|for|-|—|my|once|i'm|up|price|sits|sitting|lies? ='at|a|of|is|up|if|when|i'm|it's|it|the|on|for?", _words),
    rule("ExitPart", "TargetWord 'plus|+? up? 'by? Pct 'profit|gain|gains|above|over|target|up|in|higher|to? 'the|profit? FromEntry?", lambda _, n, _f: _target(n)),
    rule("ExitPart", "'plus|+? Pct target FromEntry?", lambda n, _f: _target(n)),
    rule("ExitPart", "'a|for|with? 'plus|+? Pct 'profit|gain|gains|winner|gainer|win FromEntry?", lambda n, _f: Exit(f"gain >= {n:g}", "", False)),
    rule("ExitPart", "'a|for|with? Minus? Pct 'loss|loser|drawdown FromEntry?", lambda _m, n, _f: Exit(f"gain <= -{n:g}", "", False)),
    rule("ExitPart", "TargetWord 'plus|+? Num times? Atr 'above|over|away|from? FromEntry?", lambda _, n, a, _f: _of_atr(True, n, a)),
    rule("ExitPart", "Num times? Atr target FromEntry?", lambda n, a, _f: _of_atr(True, n, a)),
    rule("ExitPart", "Num times? Atr 'above|over entry", lambda n, a: Exit(_of_atr(True, n, a).text, _of_atr(True, n, a).order)),
    rule("ExitPart", "TargetWord 'plus|+? Usd per_share? 'above|over|profit|gain|up|from? FromEntry? per_share?", lambda _, n, f: _dollars(True, n) if f else None),
    rule("ExitPart", "TargetWord Level", lambda said, x: _target_at(x) if _is_placed(x, said) else None),
    # Trailing.
    rule("TrailWord", "'a|with|by|it|on|use|the? trail 'at|of|is|:|=|by|to|with|it|stop|-|—|set|a? 'at|by|of?", lambda: True),
    rule("ExitPart", "TrailWord Pct FromTop?", lambda _, n, _f: _trail(n)),
    rule("ExitPart", "Pct trail", lambda n: _trail(n)),
    rule("ExitPart", "TrailWord Usd FromTop?", lambda _, n, _f: _trail_dollars(n)),
    rule("ExitPart", "Usd trail", lambda n: _trail_dollars(n)),
    rule("ExitPart", "TrailWord Num times? Atr FromTop?", lambda _, n, a, _f: _trail_atr(n, a)),
    rule("ExitPart", "Num times? Atr trail", lambda n, a: _trail_atr(n, a)),
    rule("FromTop", "'from|below|off|under|behind Peak", lambda _: True),
    rule("Peak", "'its|the|a|my? 'highest|high|peak|top|best|max|highs 'price|high|close|point|level|value? Since", lambda _: True),
    rule("Peak", "'its|the|a|my? 'peak|top|highs|high|best|highest 'price|point?", lambda: True),
    rule("Since", "'since|after entry", lambda: True),
    rule("Since", "'since|after 'i|we|it|you 'bought|entered|buy|got|went 'in|it|long?", lambda: True),
    rule("Since", "'since|after 'buying|entering|i", lambda: True),
    rule("ExitPart", "Price|It? be? Pct 'below|under|off 'its|the|my? 'highest|peak|high|top 'price|high|close|point? Since", lambda _p, n, _s: Exit(f"drop >= {n:g}")),
    rule("ExitPart", "Price|It? =move Pct 'below|under|off|from 'its|the|my? 'highest|peak|high|top 'price|high|close|point? Since", lambda _p, m, n, _s: Exit(f"drop >= {n:g}") if m == "down" else None),
    rule("ExitPart", "Price|It? =move Pct 'below|off|from 'its|the 'peak|top", lambda _p, m, n: Exit(f"drop >= {n:g}") if m == "down" else None),
    rule("ExitPart", "Price|It? be? 'down? Num times? Atr 'below|under|off|from 'its|the|my? 'highest|peak|high|top 'price|high|close|point? Since", lambda _p, n, a, _s: Exit(_trail_atr(n, a).text)),
    rule("ExitPart", "Price|It? =move Num times? Atr 'below|under|off|from 'its|the|my? 'highest|peak|high|top 'price|high|close|point? Since", lambda _p, m, n, a, _s: Exit(_trail_atr(n, a).text) if m == "down" else None),
    rule("It", "pronoun", lambda: "it"),
    rule("ExitPart", "Price|It? 'gives|give|giving|gave 'back|up Pct FromTop?", lambda _p, n, _f: Exit(f"drop >= {n:g}")),
    rule("ExitPart", "Price|It? =move Pct FromTop", lambda _p, m, n, _f: Exit(f"drop >= {n:g}") if m == "down" else None),
    # Of the sale itself.
    rule("ExitPart", "=sign Pct 'profit|gain|loss? FromEntry?", lambda s, n, _f: _signed(s, n)),
    rule("ExitPart", "=sign Usd per_share? FromEntry? per_share?", lambda s, n, _f: _dollars(s == "+", n, own=False)),
    rule("ExitPart", "=sign Num times? Atr FromEntry?", lambda s, n, a, _f: Exit(_of_atr(s == "+", n, a).text, _of_atr(s == "+", n, a).order)),
    rule("Upward", "up", lambda: True),
    rule("Downward", "down", lambda: True),
    rule("ExitPart", "'i'm|im|we're|you're|i've|we've 'been? up 'by? Pct OnIt?", lambda n, _f: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "'i'm|im|we're|you're|i've|we've 'been? down 'by? Pct OnIt?", lambda n, _f: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "'i'm|im|we're|you're 'been? up 'by? Usd per_share?", lambda n: _dollars(True, n, own=False)),
    rule("ExitPart", "'i'm|im|we're|you're 'been? down 'by? Usd per_share?", lambda n: _dollars(False, n, own=False)),
    rule("ExitPart", "down Usd per_share", lambda n: _dollars(False, n, own=False)),
    rule("ExitPart", "up Usd per_share", lambda n: _dollars(True, n, own=False)),
    rule("OnIt", "FromEntry", lambda _: True),
    rule("OnIt", "'on 'it|the|this 'trade|position?", lambda: True),
    rule("ExitPart", "'it|trade|position|price|the 'trade|position|price? ''s|is|goes|moves|has|gets|drops|falls? 'gone|moved|down|by|been? Pct 'against 'me|us", lambda n: Exit(f"gain <= -{n:g}", "")),
    rule("ExitPart", "'it|trade|position|price|the? 'trade|position? 'goes|moves 'against 'me 'by? Pct", lambda n: Exit(f"gain <= -{n:g}", "")),
    rule("ExitPart", "Pct 'in 'profit|gains|green", lambda n: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "Pct 'in 'loss|red", lambda n: Exit(f"gain <= -{n:g}")),
    rule("Mine", "'it|position|trade|i|we|my|the 'position|trade? ''s|is|am|has|gets? 'been? 'to?", lambda: True),
    rule("ExitPart", "Mine up 'by|at|to? Pct OnIt?", lambda _, n, _f: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "Mine down 'by|at|to? Pct OnIt?", lambda _, n, _f: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "Mine 'gains|gained|makes|made|earns 'by? Pct OnIt?", lambda _, n, _f: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "'gains|gained|earned Pct OnIt?", lambda n, _f: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "'loses|lost Pct OnIt?", lambda n, _f: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "Mine 'loses|lost 'by? Pct OnIt?", lambda _, n, _f: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "Pct 'above|over|higher entry", lambda n: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "Pct 'below|under|beneath entry", lambda n: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "Usd per_share? 'above|over entry", lambda n: _dollars(True, n, own=False)),
    rule("ExitPart", "Usd per_share? 'below|under entry", lambda n: _dollars(False, n, own=False)),
    rule("ExitPart", "'profit|gain|gains|return 'is|hits|reaches|at|of|= 'at|least? Pct", lambda n: Exit(f"gain >= {n:g}")),
    rule("ExitPart", "'loss|losses 'is|hits|reaches|at|of|= 'at|least? Minus? Pct", lambda _m, n: Exit(f"gain <= -{n:g}")),
    rule("ExitPart", "'held? Bars =later", _held),
    rule("ExitPart", "=held Bars =later?", lambda said, n, _: _held(n, said)),
    rule("ExitPart", "'after Bars 'no 'matter 'what", lambda n: _held(n)),
    rule("ExitPart", "no 'to? 'hold|holding|holds|carry|keep|carrying|stay|be|positions|position|exposure? 'any|a|it|them|anything|positions|position|in? 'positions|position|shares|stock|trades? 'over? 'overnight|overnights|night", lambda: Exit("minute >= 955", own=True)),
    rule("ExitPart", "'time|hard|eod|final|timed 'exit|close|out|stop|exits|flat 'is|at|by|of|=|:? =clock sharp?", lambda m: Exit(f"minute >= {m:g}", own=True)),
    # Times.
    rule("Clock", "=clock sharp?", lambda m: m),
    rule("Clock", "lp =clock rp", lambda m: m),
    rule("Clock", "=number 'o'clock", lambda n: _hour(n)),
    rule("Clock", "'noon|midday sharp?", lambda: 720.0),
    rule("Clock", "'midnight", lambda: 0.0),
    rule("TimePart", "'at? 'midnight", lambda: At(0.0)),
    rule("Clock", "openbell lp =clock rp", lambda m: m if m == OPEN else None),
    rule("Clock", "openbell", lambda: OPEN),
    rule("Clock", "=number 'in 'the 'morning", lambda n: n * 60 if 4 <= n <= 12 else None),
    rule("Clock", "=number 'in 'the 'afternoon", lambda n: n * 60 + 720 if 1 <= n <= 6 else None),
    rule("Clock", "=number 'in 'the 'evening", lambda n: n * 60 + 720 if 4 <= n <= 11 else None),
    rule("Clock", "=number 'at 'night", lambda n: n * 60 + 720 if 6 <= n <= 11 else None),
    rule("Hour", "Clock", lambda m: m),
    rule("Hour", "=number", lambda n: _hour(n)),
    rule("TimePart", "at? 'at? =clock =sharp?", _at),
    rule("TimePart", "at Clock =sharp?", _at),
    rule("TimePart", "due Clock sharp?", lambda m: At(m, due=True)),
    rule("TimePart", "'every|each 'morning|day|weekday 'at =number", _at_hour),
    rule("TimePart", "'at =number 'every|each 'morning|day|weekday", _at_hour),
    rule("TimePart", "'noon|midday", lambda: At(720.0)),
    rule("TimePart", "Bars 'before closebell", lambda n: At(n, to_close=True)),
    rule("TimePart", "Bars 'after openbell", lambda n: At(OPEN + n)),
    rule("CloseTime", "closebell lp =clock rp", At),
    rule("CloseTime", "'at|by|before? closebell 'at|of|by|comma|, =clock sharp?", At),
    rule("CloseTime", "'eod|close =clock", At),
    rule("CloseTime", "=clock closebell", At),
    # Hours in which it may buy.
    rule("Hours", "'the? 'time|clock 'is? 'between Hour 'and Hour", _only),
    rule("Hours", "'the? 'time|clock 'is? afterword Hour", lambda a: f"minute >= {a:g}"),
    rule("Hours", "'the? 'time|clock 'is? before Hour", lambda a: f"minute < {a:g}"),
    rule("Hours", "'between|from|in|during? Hour dash Hour 'window|only|sharp?", _only),
    rule("Hours", "'after|past|from|since afterword? Hour onwards?", lambda a: f"minute >= {a:g}"),
    rule("Hours", "'after|past|following first Bars inday?", lambda n: f"minute >= {OPEN + n:g}"),
    rule("Hours", "afterword Hour onwards?", lambda a: f"minute >= {a:g}"),
    rule("Hours", "Clock onwards", lambda a: f"minute >= {a:g}"),
    rule("Hours", "before Hour", lambda a: f"minute < {a:g}"),
    rule("Hours", "'afternoon|afternoons", lambda: "minute >= 720"),
    rule("Hours", "'morning|mornings", lambda: "minute < 720"),
    rule("Hours", "'in 'the 'afternoon|afternoons", lambda: "minute >= 720"),
    rule("Hours", "'in 'the 'morning|mornings", lambda: "minute < 720"),
    rule("Hours", "'in|within|during|for? first Bars inday?", lambda n: f"minute < {OPEN + n:g}"),
    rule("Hours", "'in|within|during|for? final Bars toclose", lambda n: f"minutes_to_close <= {n:g}"),
    rule("Barred", "'before|until|till|prior|to before? Hour", lambda a: f"minute >= {a:g}"),
    rule("Barred", "before Hour", lambda a: f"minute >= {a:g}"),
    rule("Barred", "afterword Hour", lambda a: f"minute < {a:g}"),
    rule("Barred", "'between|from|during Hour dash Hour", _outside),
    rule("Barred", "Hour dash Hour", _outside),
    rule("Barred", "'in|within|during|for|the? first Bars inday?", lambda n: f"minute >= {OPEN + n:g}"),
    rule("Barred", "'in|within|during|for|the? final Bars toclose?", lambda n: f"minutes_to_close > {n:g}"),
    rule("Barred", "'in|within|during|the? first Num 'or|and|nor 'the|in? final Bars inday? toclose?", lambda m, n: None if m != n else f"minute >= {OPEN + n:g} and minutes_to_close > {n:g}"),
    rule("Barred", "'in|within|during|the? first Bars 'or|and|nor 'the|in? final Bars inday? toclose?", lambda n, m: f"minute >= {OPEN + n:g} and minutes_to_close > {m:g}"),
    rule("Barred", "'in|during|at|over|through 'lunch|lunchtime lp Hour dash Hour rp", _outside),
    rule("WindowPart", "=noentry Barred", lambda said, t: Window(t, buying=_of_buying(said))),
    rule("WindowPart", "=only =foronly? ':|are|is|between|=? Hours =foronly?", lambda one, other, t, last: Window(t, buying=_of_buying(f"{one} {other} {last}"))),
    rule("WindowPart", "Hours 'only =foronly?", lambda t, said: Window(t, buying=_of_buying(f"{said}"))),
    rule("WindowPart", "Hours =foronly", lambda t, said: Window(t, buying=_of_buying(said))),
    rule("WindowPart", "Hours", lambda t: Window(t, plain=True)),
    rule("OnlyPart", "'unless Cond", lambda c: Only(Condition("not", parts=(c,)))),
    rule("ElsePart", "'otherwise|else|if|when 'either|any|one|not|both? 'of? 'these|those|the|them? 'condition|conditions 'fails|fail|breaks|break|ends|flips", lambda: True),
    rule("ElsePart", "'otherwise|else|elsewise", lambda: True),
    rule("OnlyPart", "noentry 'anything? 'unless Cond", lambda c: Only(c, buying=True)),
    rule("OnlyPart", "noentry 'anything? 'when|if|while|whenever Cond", lambda c: Only(Condition("not", parts=(c,)), buying=True)),
    rule("OnlyPart", "'only|just 'buy|enter|trade|long|go|take 'long|it|trades|entries? 'if|when|while Cond", lambda c: Only(c, buying=True)),
    rule("OnlyPart", "'only 'if|when|while Cond", Only),
    rule("BuySizePart", "'take|get|start|put|throw|yolo|stick|invest|commit|allocate|deploy|toss 'with|a|in|about|starter|of|position? 'starter|of|position? 'of? SizePart 'in|into|on|to? 'of? symbol?", lambda x: x),
    rule("TopicPart", "Own 'strategy|system|bot|setup|scalper|play|scalp|trading|trade|idea|strat|algo", lambda x: x),
    rule("LenPart", "=osc length 'is|=|of|:? Num", lambda s, n: (s, n)),
    # Days.
    rule("Days", "=weekday", lambda d: (d,)),
    rule("Days", "=weekday 'and|&|or|, =weekday", lambda *d: d),
    rule("Days", "=weekday ', =weekday ',? 'and|&|or? =weekday", lambda *d: d),
    rule("Days", "=weekday 'to|through|-|—|thru|till|until =weekday", _span),
    rule("WindowPart", "exceptday Days 'please|entirely|off|completely|altogether?", lambda d: Window(_days(d, only=False))),
    rule("WindowPart", "onlyday Days 'only?", lambda d: Window(_days(d, only=True))),
    rule("WindowPart", "Days 'only", lambda d: Window(_days(d, only=True))),
    rule("WindowPart", "'except|not|skip|no|avoid 'on? Days", lambda d: Window(_days(d, only=False))),
    rule("WindowPart", "'on|from? =weekday 'to|through|-|—|thru|till|until =weekday", lambda a, b: Window(_days(tuple(range(a, b + 1)), only=True)) if a < b else None),
    rule("WindowPart", "'wait 'until|till Hour", lambda m: Window(f"minute >= {m:g}")),
    rule("WindowPart", "Days 'off", lambda d: Window(_days(d, only=False))),
    # How much.
    rule("SizePart", "sizeword? ':|=|is|of? Pct ofequity pertrade?", lambda n: _equity(n)),
    rule("SizePart", "sizeword? ':|=|is|of? 'about? =part ofequity", lambda n: _equity(n)),
    rule("SizePart", "sizeword? ':|=|is|of? =part 'my|the 'account|equity|capital|portfolio|money|acct|bankroll|stack|balance|funds 'balance|equity|value?", lambda n: _equity(n)),
    rule("SizePart", "'use|with? 'a 'fifth ofequity?", lambda: _equity(20)),
    rule("SizePart", "'use|with? 'a 'tenth ofequity?", lambda: _equity(10)),
    rule("SizePart", "sizeword? 'half ofequity", lambda: _equity(50)),
    rule("SizePart", "sizeword? allof", lambda: _equity(100)),
    rule("SizePart", "'go|goes|i'm? 'all 'in", lambda: _equity(100)),
    rule("SizePart", "sizeword? ':|=|is|of? Usd 'worth|total|notional|max|of|each|only|position|positions|per|a|in|apiece|cash? 'of|trade|position|pop|time|clip|entry|total|it? 'stock|shares|it?", lambda n: Size(n, "dollars") if n > 0 else None),
    rule("SizePart", "sizeword? ':|=|is|of? Usd pertrade?", lambda n: Size(n, "dollars") if n > 0 else None),
    rule("SizePart", "sizeword? ':|=|is|of? Num shares pertrade? 'of? pertrade?", lambda n: _shares(n)),
    rule("SizePart", "sizeword ':|=|is|of? Num =symbol", lambda n, _: _shares(n)),
    rule("SizePart", "Num =symbol", lambda n, _: _shares(n)),
    rule("SizePart", "'position? 'size|sizing|allocation|stake ':|=|is|of? Pct pertrade?", lambda n: _equity(n)),
    rule("SizePart", "'qty|quantity|shares|size ':|=|is|of? Num", lambda n: _shares(n)),
    rule("SizePart", "lp SizePart rp", lambda x: x),
    # How often.
    rule("LimitPart", "max? Num max? tradeword tops? perday tops?", _limit),
    rule("LimitPart", "max Num perday", lambda n: _limit(n)),
    rule("LimitPart", "max Num times|tradeword? perday", lambda n: _limit(n)),
    rule("LimitPart", "Num ''|times|x|/ perday", lambda n: _limit(n)),
    rule("LimitPart", "Num max perday", lambda n: _limit(n)),
    rule("LimitPart", "max 'one|a|single tradeword 'a|per|each 'day", lambda: _limit(1)),
    rule("LimitPart", "oneday tops?", lambda: _limit(1)),
    rule("LimitPart", "max tradeword? perday ':|=|is? Num", lambda n: _limit(n)),
    rule("LimitPart", "Num perday 'max|tops|only|limit", lambda n: _limit(n)),
    rule("LimitPart", "max? Num tradeword 'in|over|for? 'a|the|any|per|one 'day", lambda n: _limit(n)),
    rule("PausePart", "wait 'for|at? 'least? Bars aftersale", lambda n: _pause(n)),
    rule("PausePart", "aftersale comma? wait 'for|at? 'least? Bars 'before|until? 'buying|entering|trying|next|the|a|another|going|getting|new|any? 'again|next|back|new|entry|trade? 'entry|trade|buy|in|again?", lambda n: _pause(n)),
    rule("PausePart", "Bars 'cooldown|pause|break|rest|wait aftersale", lambda n: _pause(n)),
)  # fmt: skip
