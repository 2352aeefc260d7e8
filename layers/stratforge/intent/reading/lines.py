"""Indicators that have several lines, and how a rule has each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratforge.intent.reading.meaning import side_of_text

_HLC = "bars.high, bars.low, bars.close"


@dataclass(frozen=True, slots=True)
class Family:
    """Three bands around an average, by the kind of their indicator and its numbers."""

    name: str
    numbers: tuple[float, ...]

    def line(self, which: str) -> tuple[str, ...]:
        """The forms in which a rule may have one of the lines: `upper`, `lower` or `middle`."""
        if self.name == "donchian":
            length = self.numbers[0]
            kinds = {"upper": "high", "lower": "low"}
            return high_low(kinds[which], kinds[which], length) if which in kinds else ()
        first, second = (f"{each:.10g}" for each in self.numbers)
        if self.name == "keltner":
            name = {"upper": "upper", "lower": "lower", "middle": "basis"}[which]
            lines = [f"ta.kc({_HLC}, length={first}, scalar={second}).{name}"]
            lines += [f"ta.ema(bars.close, length={first})"] if which == "middle" else []
        else:
            name = {"upper": "upper", "lower": "lower", "middle": "mid"}[which]
            lines = [f"ta.bbands(bars.close, length={first}, std={second}).{name}"]
            lines += [f"ta.sma(bars.close, length={first})"] if which == "middle" else []
        return tuple(map(side_of_text, lines))


def bands(name: str, given: Sequence[float]) -> Family | None:
    """The bands of a kind with the numbers that are given, or the usual ones; None where the numbers are no such."""
    wanted = 1 if name == "donchian" else 2
    if not given:
        return Family(name, (20.0, 2.0)[:wanted])
    return Family(name, tuple(given)) if len(given) == wanted else None


def high_low(kind: str, price: str, length: float) -> tuple[str, ...]:
    """The highest high, or lowest low, of so many bars before."""
    window = f"bars.{price}.rolling({length:.10g}).{'max' if kind == 'high' else 'min'}()"
    return (side_of_text(f"{window}.shift(1)"),)


def earlier(side: str, count: float) -> str:
    """A side as it was so many bars before."""
    if count == 1:
        return f"previous({side})"
    column = f"bars.{side}" if side in ("close", "open", "high", "low", "volume") else side
    return side_of_text(f"{column}.shift({count:.10g})")


def line_of(indicator: str, given: Sequence[float], line: str) -> tuple[str, ...]:
    """The forms in which a rule may have a line of an indicator; none where its numbers are no such."""
    numbers = [f"{each:.10g}" for each in given]
    if indicator == "macd":
        if len(numbers) not in (0, 3):
            return ()
        fast, slow, signal = numbers or ("12", "26", "9")
        return (side_of_text(f"ta.macd(bars.close, fast={fast}, slow={slow}, signal={signal}).{line}"),)
    if indicator in ("trix", "pvo", "ppo", "tsi"):
        forms = {"trix": ("close, length={0}, signal={1}", ["30", "9"]), "pvo": ("volume, fast={0}, slow={1}, signal={2}", ["12", "26", "9"]), "ppo": ("close, fast={0}, slow={1}, signal={2}", ["12", "26", "9"]), "tsi": ("close, fast={0}, slow={1}, signal={2}", ["13", "25", "13"])}  # fmt: skip
        form, usual = forms[indicator]
        if len(numbers) > len(usual):
            return ()
        return (side_of_text(f"ta.{indicator}(bars.{form.format(*numbers, *usual[len(numbers) :])}).{line}"),)
    if indicator == "stoch":
        k, d, smooth = {
            0: ("14", "3", "3"),
            1: (*numbers, "3", "3"),
            2: (*numbers, "3") if numbers[1:] == ["3"] else ("", "", ""),
            3: tuple(numbers),
        }.get(len(numbers), ("", "", ""))
        return (side_of_text(f"ta.stoch({_HLC}, k={k}, d={d}, smooth_k={smooth}).{line[0]}"),) if k else ()
    if indicator == "adx":
        length = numbers[0] if len(numbers) == 1 else "14"
        return (side_of_text(f"ta.adx({_HLC}, length={length}).{'plus' if line == 'plus_di' else 'minus'}"),) if len(numbers) < 2 else ()  # fmt: skip
    if indicator == "supertrend":
        if len(numbers) not in (0, 2):
            return ()
        pairs = [numbers] if numbers else [["10", "3"], ["7", "3"]]
        return tuple(side_of_text(f"ta.supertrend({_HLC}, length={one}, multiplier={other}).{line}") for one, other in pairs)  # fmt: skip
    return (side_of_text(f"ta.psar({_HLC}).sar"),)
