"""Parts of what is compared: prices, indicators with their numbers in any usual order, levels of days and of windows, multiples and distances."""

from __future__ import annotations

from stratforge.intent.grammar.chart import rule
from stratforge.intent.grammar.values import Operand

_HLC, _HLCV = "bars.high, bars.low, bars.close", "bars.high, bars.low, bars.close, bars.volume"
_OSCILLATORS: dict[str, tuple[str, float | None, tuple[float, float] | None]] = {
    "rsi": ("ta.rsi(bars.close, length={0})", 14, (30, 70)),
    "mfi": (f"ta.mfi({_HLCV}, length={{0}})", 14, (20, 80)),
    "cci": (f"ta.cci({_HLC}, length={{0}})", 14, (-100, 100)),
    "willr": (f"ta.willr({_HLC}, length={{0}})", 14, (-80, -20)),
    "adx": (f"ta.adx({_HLC}, length={{0}}).adx", 14, None),
    "roc": ("ta.roc(bars.close, length={0})", None, None),
    "cmf": (f"ta.cmf({_HLCV}, length={{0}})", 20, None),
    "atr": (f"ta.atr({_HLC}, length={{0}})", 14, None),
    "mom": ("ta.mom(bars.close, length={0})", None, None),
    "cmo": ("ta.cmo(bars.close, length={0})", 14, None),
    "chop": (f"ta.chop({_HLC}, length={{0}})", 14, None),
    "natr": (f"ta.natr({_HLC}, length={{0}})", 14, None),
    "stochrsi": ("ta.stochrsi(bars.close, length={0}, rsi_length={0}).k", 14, (20, 80)),
    "zscore": ("ta.zscore(bars.close, length={0})", None, None),
}  # fmt: skip
CLOSE = Operand("close", "price")
IT = Operand("it", "it")
# What is left out before a comparison: “buy …, sell above 70”.
ELIDED = Operand("it", "it", "elided")


def _whole(number: float | None) -> bool:
    return number is not None and number == int(number) and 1 <= number <= 10_000


def marked(name: str, said: float | None, usual: float | None) -> str:
    """A number of an indicator with its name: whether it was said, or is to be what was said of the indicator elsewhere, or the usual one."""
    number = usual if said is None else said
    if number is None or number <= 0 or number > 10_000:
        return ""
    return f"«{name}{'?' if said is None else '='}{number:g}»"


def oscillator(name: str, length: float | None) -> Operand | None:
    """Makes an indicator with a scale of its own; None where its length is no such."""
    form, usual, levels = _OSCILLATORS[name]
    said = marked(name, length, usual)
    return Operand(form.format(said), "own", levels=levels) if said else None


def average(name: str, length: float, of: str = "bars.close") -> Operand | None:
    """Makes a moving average of the close; None where its length is no such."""
    if not _whole(length):
        return None
    column = f"{of}, bars.volume" if name == "vwma" else of
    return Operand(f"ta.{name}({column}, length={length:g})", "price", average=length)


def _volume_average(length: float) -> Operand | None:
    return Operand(f"ta.sma(bars.volume, length={length:g})", "volume") if _whole(length) else None


def _window(length: float, which: str) -> Operand | None:
    if not _whole(length):
        return None
    text = f"bars.{which}.rolling({length:g}).{'max' if which == 'high' else 'min'}().shift(1)"
    return Operand(text, "price", which)


def _close_window(which: str, length: float) -> Operand | None:
    if not _whole(length):
        return None
    return Operand(f"bars.close.rolling({length:g}).{'max' if which == 'high' else 'min'}().shift(1)", "price", which)


def macd(line: str, numbers: tuple[float, ...] | None) -> Operand | None:
    """Makes a line of the MACD; None where its numbers are not three."""
    if numbers is not None and len(numbers) != 3:
        return None
    fast, slow, signal = (
        marked(f"macd{index}", numbers[index] if numbers else None, usual) for index, usual in enumerate((12, 26, 9))
    )
    return Operand(f"ta.macd(bars.close, fast={fast}, slow={slow}, signal={signal}).{line}", "own")


def _stoch(line: str, numbers: tuple[float, ...] | None) -> Operand | None:
    given = numbers or ()
    if len(given) > 3 or not all(map(_whole, given)):
        return None
    if len(given) == 2 and given[1] != 3:
        return None
    k, d, smooth = (
        marked(f"stoch{index}", given[index] if len(given) > index else None, usual)
        for index, usual in enumerate((14, 3, 3))
    )
    return Operand(f"ta.stoch({_HLC}, k={k}, d={d}, smooth_k={smooth}).{line}", "own", levels=(20, 80))


def _di(line: str, length: float | None) -> Operand | None:
    return Operand(f"ta.adx({_HLC}, length={marked('adx', length, 14)}).{line}", "own")


def _percent_b(numbers: tuple[float, ...] | None) -> Operand | None:
    if numbers is not None and len(numbers) != 2:
        return None
    length, std = (
        marked(f"bb{index}", numbers[index] if numbers else None, usual) for index, usual in enumerate((20, 2))
    )
    return Operand(f"ta.bbands(bars.close, length={length}, std={std}).percent", "own")


def _family(name: str, line: str, numbers: tuple[float, ...] | None) -> Operand | None:
    """A line of bands around an average, or of a channel."""
    usual = (20.0,) if name == "dc" else (20.0, 2.0)
    if (numbers is not None and len(numbers) != len(usual)) or (name == "dc" and line == "middle"):
        return None
    given = [marked(f"{name}{index}", numbers[index] if numbers else None, each) for index, each in enumerate(usual)]
    edge = {"upper": "high", "lower": "low", "middle": ""}[line]
    if name == "dc":
        text = f"bars.{edge}.rolling({given[0]}).{'max' if edge == 'high' else 'min'}().shift(1)"
    elif name == "bb":
        text = f"ta.bbands(bars.close, length={given[0]}, std={given[1]}).{'mid' if line == 'middle' else line}"
    else:
        text = f"ta.kc(bars.high, bars.low, bars.close, length={given[0]}, scalar={given[1]}).{'basis' if line == 'middle' else line}"
    return Operand(text, "price", edge, band=True)


def _day(day: str, which: str) -> Operand | None:
    edge = which if which in ("high", "low") else ""
    # A day that is not over has no close yet.
    return Operand(f"{day}_{which}", "price", edge) if (day, which) != ("day", "close") else None


def _range(edge: str, minutes: float) -> Operand | None:
    if not 1 <= minutes <= 390 or minutes != int(minutes):
        return None
    return Operand(f"opening_{edge}({minutes:g})", "price", edge)


def _times(factor: float, of: Operand) -> Operand | None:
    if of.kind not in ("volume", "own", "price") or factor <= 0 or of.band:
        return None
    return Operand(f"{factor:g} * {of.text}", of.kind)


def away(percent: float, side: str, of: Operand, strict: str = ">=") -> Operand | None:
    """Makes a level so many percent above or below a price."""
    if of.kind != "price" or of.text in ("high", "low", "open") or not 0 < percent < 100:
        return None
    factor = round(1 + percent / 100 * (1 if side == "up" else -1), 10)
    return Operand(f"{factor:.10g} * {of.text}", "price", "high" if side == "up" else "low", away=f"{strict}{side}")


def atr_away(factor: float, length: float | None, side: str, of: Operand) -> Operand | None:
    """Makes a level so many average true ranges above or below a price."""
    if of.kind != "price" or of.band:
        return None
    atr = oscillator("atr", length or None)
    assert atr is not None
    return Operand(f"{of.text} {'+' if side == 'up' else '-'} {factor:g} * {atr.text}", "price", "high" if side == "up" else "low", away=f">={side}")  # fmt: skip


def _money_away(dollars: float, side: str, of: Operand) -> Operand | None:
    if of.kind != "price" or of.band or of is CLOSE:
        return None
    return Operand(f"{of.text} {'+' if side == 'up' else '-'} {dollars:g}", "price", "high" if side == "up" else "low", away=f">={side}")  # fmt: skip


def _sum(found: Operand | None) -> Operand | None:
    """A level that is written as a sum: it says by itself from which side nothing."""
    return Operand(found.text, found.kind) if found else None


def _deviations(factor: float, side: str, of: Operand) -> Operand | None:
    found = _band(of, "+" if side == "up" else "-", factor, of.average)
    return Operand(found.text, "price", found.edge, away=f">={side}") if found else None


def _ago(of: Operand, bars: float) -> Operand | None:
    if not _whole(bars) or of.band or of.number is not None:
        return None
    plain = of.text in ("close", "open", "high", "low", "volume")
    if not plain and not of.text.startswith("ta."):
        return None
    text = f"previous({of.text})" if bars == 1 else f"{'bars.' if plain else ''}{of.text}.shift({bars:g})"
    return Operand(text, of.kind, of.edge)


def _number(value: float, *, money: bool = False) -> Operand:
    return Operand(f"{value:.10g}", "number", number=value, money=money)


def _band(of: Operand, sign: str, factor: float, length: float) -> Operand | None:
    """“SMA(20) − 2.5 × std(20)” is a Bollinger band where the lengths are equal."""
    if of.average != length or not of.text.startswith("ta.sma(bars.close"):
        return None
    line = "upper" if sign == "+" else "lower"
    return Operand(f"ta.bbands(bars.close, length={length:g}, std={factor:g}).{line}", "price", "high" if sign == "+" else "low")  # fmt: skip


# fmt: off
RULES = (
    rule("Num", "=number", lambda n: n),
    rule("Pct", "Num percent", lambda n: n),
    rule("Pct", "'half 'a|of? 'a? percent", lambda: 0.5),
    rule("Pct", "'1|one '/ '2 percent", lambda: 0.5),
    rule("Pct", "'quarter 'of? 'a? percent", lambda: 0.25),
    rule("Pct", "'a percent", lambda: 1.0),
    rule("Pct", "Num 'and 'a 'half percent", lambda n: n + 0.5),
    rule("Usd", "=money", lambda n: n),
    rule("Usd", "Num dollars", lambda n: n),
    rule("Usd", "Num grand", lambda n: n * 1000),
    rule("Usd", "Num cents", lambda n: n / 100),
    rule("Bars", "Num '-|of? unit", lambda n: n),
    rule("Bars", "Num '-? hours", lambda n: n * 60),
    rule("Bars", "'an|a|one hours", lambda: 60.0),
    rule("Bars", "'hour", lambda: 60.0),
    rule("Bars", "'half 'an|a hours", lambda: 30.0),
    rule("Bars", "'half 'hour", lambda: 30.0),
    rule("Times", "Num times", lambda n: n),
    rule("Times", "=twice", lambda n: n),
    # Numbers in brackets, or bare after a name.
    rule("Given", "lp Num rp", lambda n: (n,)),
    rule("Given", "lp Bars rp", lambda n: (n,)),
    rule("Given", "lp Num slash Num rp", lambda *n: n),
    rule("Given", "lp Num slash Num slash Num rp", lambda *n: n),
    rule("Pair", "Num slash Num", lambda *n: n),
    rule("Pair", "lp Num slash Num rp", lambda *n: n),
    rule("Pair", "'of Num slash Num", lambda *n: n),
    rule("Pair", "lp Num slash Num 'std|sd|sigma|stdev|dev|devs rp", lambda *n: n),
    rule("Len", "lp Num rp", lambda n: n),
    rule("Len", "lp Bars rp", lambda n: n),
    rule("Len", "Num", lambda n: n),
    rule("Len", "'of Num unit", lambda n: n),
    rule("Len", "'of|over|for|with last? Bars", lambda n: n),
    rule("Len", "length 'of|=? Num", lambda n: n),
    rule("Before", "Num '-? unit? '-?", lambda n: n),
    rule("Before", "Num '-? 'period '-?", lambda n: n),
    # Prices.
    rule("Price", "price", lambda: CLOSE),
    rule("Price", "=symbol 's? price?", lambda _: CLOSE),
    rule("Price", "price 'of =symbol", lambda _: CLOSE),
    rule("Price", "'1|one '-|— 'minute|min|m price", lambda: CLOSE),
    rule("Price", "'1|one 'minute|min|m price", lambda: CLOSE),
    rule("Price", "'the? 'bar's|candle's|bars 'close", lambda: CLOSE),
    rule("Operand", "Price", lambda x: x),
    rule("Operand", "'close", lambda: CLOSE),
    rule("Operand", "low", lambda: Operand("low", "price")),
    rule("Operand", "high", lambda: Operand("high", "price")),
    rule("Operand", "open", lambda: Operand("open", "price")),
    rule("Operand", "pronoun", lambda: IT),
    # Averages.
    rule("Average", "Before =sort? '-? avg", lambda n, s: average(s or "sma", n)),
    rule("Average", "Before =ma", lambda n, s: average(s, n)),
    rule("Average", "=sort '-? avg Len", lambda s, n: average(s, n)),
    rule("Average", "=ma '-? Len", lambda s, n: average(s, n)),
    rule("Average", "avg 'price|close? 'of|over 'the? last Bars", lambda n: average("sma", n)),
    rule("Average", "=ma 'price|close? 'of|over 'the? last? Bars", lambda s, n: average(s, n)),
    rule("Average", "=ma 'of|over last? Bars", lambda s, n: average(s, n)),
    rule("Average", "=ma lp price 'comma|, Num rp", lambda s, n: average(s, n)),
    rule("Average", "=ma lp 'close|price|c ', Num rp", lambda s, n: average(s, n)),
    rule("Average", "'fast|slow|short|long|faster|slower|quick Average", lambda a: a),
    rule("Operand", "Average '-|line?", lambda a: a),
    rule("Operand", "Average lp price? rp", lambda a: a),
    rule("Operand", "vwap", lambda: Operand(f"ta.vwap({_HLCV})", "price")),
    rule("Operand", "sar", lambda: Operand(f"ta.psar({_HLC}).sar", "price")),
    rule("Operand", "'1|one 'minute|min|m Average", lambda a: a),
    rule("Right", "=ma", lambda s: Operand(s, "ref", average=-1.0)),
    rule("Left", "=ma", lambda s: Operand(s, "ref", average=-1.0)),
    # Oscillators.
    rule("Own", "=osc", lambda s: oscillator(s, None)),
    rule("Own", "=osc '-? Len", lambda s, n: oscillator(s, n)),
    rule("Own", "Before =osc", lambda n, s: oscillator(s, n)),
    rule("Own", "=osc lp 'close|price|c ', Num rp", lambda s, n: oscillator(s, n)),
    rule("Operand", "Own 'value|reading|indicator|level|line?", lambda x: x),
    rule("Operand", "=symbol 's? Own", lambda _, x: x),
    rule("Operand", "Own 'of|on|for =symbol", lambda x, _: x),
    rule("Operand", "Average 'of|on|for =symbol", lambda x, _: x),
    rule("Operand", "=symbol Average", lambda _, x: x),
    rule("Operand", "macd Given? macdline?", lambda n: macd("macd", n)),
    rule("Operand", "macd Given? signal", lambda n: macd("signal", n)),
    rule("Operand", "signal 'line?", lambda: macd("signal", None)),
    rule("Operand", "macd Given? hist", lambda n: macd("histogram", n)),
    rule("Operand", "hist", lambda: macd("histogram", None)),
    rule("Operand", "stoch Given? kline? Given?", lambda n, m: _stoch("k", n or m) if not (n and m) else None),
    rule("Operand", "kline Given?", lambda n: _stoch("k", n)),
    rule("Operand", "stoch kline", lambda: _stoch("k", None)),
    rule("Operand", "dline Given?", lambda n: _stoch("d", n)),
    rule("Operand", "stoch Given? dline", lambda n: _stoch("d", n)),
    rule("Operand", "plusdi Len?", lambda n: _di("plus", n)),
    rule("Operand", "minusdi Len?", lambda n: _di("minus", n)),
    rule("Operand", "pctb Given?", _percent_b),
    # Bands.
    rule("Line", "=line3", lambda s: s),
    rule("Name", "bb", lambda: "bb"),
    rule("Name", "kc", lambda: "kc"),
    rule("Name", "dc", lambda: "dc"),
    rule("Operand", "Num '-? unit? '-? Name Edge", lambda n, name, s: _family(name, s, (n,)) if name == "dc" else None),
    rule("Operand", "Name Len Edge", lambda name, n, s: _family(name, s, (n,)) if name == "dc" else None),
    rule("Operand", "Name Edge Len?", lambda name, s, n: _family(name, s, (n,) if n else None) if name == "dc" else None),
    rule("Edge", "'high|upper|top", lambda: "upper"),
    rule("Edge", "'low|lower|bottom", lambda: "lower"),
    rule("Operand", "Line 'side|edge? Name Given?", lambda s, n, g: _family(n, s, g)),
    rule("Operand", "Line Name Pair", lambda s, n, g: _family(n, s, g)),
    rule("Operand", "Line 'band|line|channel 'of Name Given?", lambda s, n, g: _family(n, s, g)),
    rule("Operand", "Name Given? Line 'band|line|channel?", lambda n, g, s: _family(n, s, g)),
    rule("Operand", "Name Pair Line 'band|line|channel?", lambda n, g, s: _family(n, s, g)),
    rule("Operand", "Given Line Name", lambda g, s, n: _family(n, s, g)),
    # Volume.
    rule("Operand", "volume", lambda: Operand("volume", "volume")),
    rule("VolumeAverage", "Before avg volume", _volume_average),
    rule("VolumeAverage", "Before volume avg", _volume_average),
    rule("VolumeAverage", "avg volume 'of|over|for? 'the|last|past? Bars", _volume_average),
    rule("VolumeAverage", "avg volume Len", _volume_average),
    rule("VolumeAverage", "volume avg Len", _volume_average),
    rule("VolumeAverage", "volume =ma Len", lambda _, n: _volume_average(n)),
    rule("VolumeAverage", "'sma lp volume ', Num rp", _volume_average),
    rule("Its", "'its|the|their? Before =ma 'volume?", lambda n, _: _volume_average(n)),
    rule("Its", "'its|the|their? Before '-? avg 'volume?", _volume_average),
    rule("Its", "'its? avg 'of|over? last? Bars", _volume_average),
    rule("Its", "'its|the? avg Len", _volume_average),
    rule("Its", "'its? =ma Len", lambda _, n: _volume_average(n)),
    rule("Its", "'its? avg lp Num rp", _volume_average),
    rule("Its", "VolumeAverage", lambda x: x),
    rule("Operand", "VolumeAverage", lambda x: x),
    rule("Right", "Its", lambda x: x),
    rule("Right", "Times Its", _times),
    rule("Right", "Num Its", lambda n, x: _times(n, x) if "volume" in x.text and n < 20 and n != 1 else None),
    # Levels of days, of windows of bars, of the first minutes.
    rule("Operand", "=day =ohlc", _day),
    rule("Operand", "=ohlc 'of|from =ofday", lambda w, d: _day(d, w)),
    rule("Operand", "=ohlc 'yesterday", lambda w: _day("yesterday", w)),
    rule("Operand", "=daylevel", lambda s: Operand(s, "price", s.rpartition("_")[2] if s.endswith(("high", "low")) else "")),
    rule("Operand", "Before =highest", _window),
    rule("Operand", "=symbol Before =highest", lambda _, n, w: _window(n, w)),
    rule("Operand", "'its|new|a|fresh? Before =highest 'price?", _window),
    rule("Operand", "=highest 'price? 'of|over|in|from? 'the|its? last? Bars", lambda w, n: _window(n, w)),
    rule("Operand", "last Bars ''|'s? =ohlc", lambda n, w: _window(n, w) if w in ("high", "low") else None),
    rule("Operand", "=highest 'close 'of|over|in|from? 'the|its? last? Bars", _close_window),
    rule("Operand", "Before =highest 'close", lambda n, w: _close_window(w, n)),
    rule("Operand", "=highest lp Num rp 'prior|previous?", lambda w, n: _window(n, w)),
    rule("Operand", "=ohlc 'of range lp Bars rp", lambda w, n: _range(w, n) if w in ("high", "low") else None),
    rule("Operand", "range =ohlc lp Bars rp", lambda w, n: _range(w, n) if w in ("high", "low") else None),
    rule("Operand", "'first|opening Bars range? =ohlc", lambda n, w: _range(w, n) if w in ("high", "low") else None),
    rule("Operand", "=ohlc 'of|from first Bars inday? range? inday?", lambda w, n: _range(w, n) if w in ("high", "low") else None),
    rule("Operand", "Bars range =ohlc", lambda n, w: _range(w, n) if w in ("high", "low") else None),
    rule("Operand", "range =ohlc", lambda w: Operand(f"range.{w}", "range", w) if w in ("high", "low") else None),
    rule("Operand", "=ohlc 'of range", lambda w: Operand(f"range.{w}", "range", w) if w in ("high", "low") else None),
    rule("Operand", "=ohlc 'of 'the? 'morning lp Hour dash Hour rp", lambda w, a, b: _range(w, b - a) if a == 570 else None),
    rule("Operand", "'first|opening 'hour 's? =ohlc", lambda w: _range(w, 60) if w in ("high", "low") else None),
    rule("Operand", "=ohlc 'of|from first 'hour inday?", lambda w: _range(w, 60) if w in ("high", "low") else None),
    rule("DayRange", "=day range", lambda d: f"({d}_high - {d}_low)" if d == "yesterday" else None),
    rule("DayRange", "=day range lp high minus low rp", lambda d: f"({d}_high - {d}_low)" if d == "yesterday" else None),
    rule("Sum", "Operand plus 'half 'of? DayRange", lambda x, d: Operand(f"{x.text} + 0.5 * {d}", "price")),
    rule("Sum", "Operand plus Times|Num 'of|times? DayRange", lambda x, n, d: Operand(f"{x.text} + {n:g} * {d}", "price") if n < 5 else None),
    rule("Sum", "Operand plus Pct 'of DayRange", lambda x, n, d: Operand(f"{x.text} + {n / 100:g} * {d}", "price")),
    rule("Sum", "Operand plus DayRange", lambda x, d: Operand(f"{x.text} + {d}", "price")),
    # As it was before.
    rule("Past", "Bars ago", lambda n: n),
    rule("Past", "'previous|last|prior 'bar|candle|one", lambda: 1.0),
    rule("Past", "'bar|candle|minute 'before|ago", lambda: 1.0),
    rule("Operand", "Price Past", _ago),
    rule("Operand", "price? 'of|from Past", lambda n: _ago(CLOSE, n)),
    rule("Operand", "'it|price|where 'it|price? 'was|traded|closed|stood|were Past", lambda n: _ago(CLOSE, n)),
    rule("Operand", "'previous|prior|last 'bar|candle|minute 's? =ohlc", lambda w: _ago(Operand(w, "price"), 1.0)),
    rule("Operand", "'previous|prior|last 'bar's|candle's|minute's =ohlc", lambda w: _ago(Operand(w, "price"), 1.0)),
    rule("Operand", "=ohlc 'of 'previous|prior|last 'bar|candle", lambda w: _ago(Operand(w, "price"), 1.0)),
    # Distances.
    rule("Side", "above", lambda: "up"),
    rule("Side", "below", lambda: "down"),
    rule("Side", "'from|off", lambda: ""),
    rule("Far", "Pct Side Operand", lambda n, s, x: away(n, s, x) if s else None),
    rule("Far", "Pct 'ormore? Side Operand", lambda n, s, x: away(n, s, x) if s else None),
    rule("Sum", "Operand minus Pct", lambda x, n: _sum(away(n, "down", x))),
    rule("Sum", "Operand plus Pct", lambda x, n: _sum(away(n, "up", x))),
    rule("Far", "Usd Side Operand", lambda n, s, x: _money_away(n, s, x) if s else None),
    rule("Far", "Num times? std Side Average", lambda n, s, x: _deviations(n, s, x) if s else None),
    rule("Far", "Num times? Atr Side Operand", lambda n, a, s, x: atr_away(n, a, s, x) if s else None),
    rule("Sum", "Operand minus Num times? Atr", lambda x, n, a: _sum(atr_away(n, a, "down", x))),
    rule("Sum", "Operand plus Num times? Atr", lambda x, n, a: _sum(atr_away(n, a, "up", x))),
    rule("Sum", "Average =sign Num times std Len", _band),
    rule("Atr", "'atr|atrs Len?", lambda n: n or 0.0),
    rule("Right", "Operand", lambda x: x),
    rule("Right", "Sum", lambda x: x),
    rule("Right", "Times Operand", _times),
    rule("Right", "=dollars? Num =dollars?", lambda before, n, after: _number(n, money=bool(before or after))),
    rule("Right", "=money", lambda n: _number(n, money=True)),
    rule("Right", "zero", lambda: _number(0)),
    rule("Right", "'-|minus Num", lambda n: _number(-n)),
    rule("Right", "'+ Num", lambda n: _number(n)),
    rule("Right", "Num", lambda n: Operand(f"{n:g}", "bare", number=n) if _whole(n) else None),
    rule("Left", "Operand", lambda x: x),
    rule("Left", "Num", lambda n: Operand(f"{n:g}", "bare", number=n) if _whole(n) else None),
)
# fmt: on
