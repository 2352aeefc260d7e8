"""A request with one rule of every kind, its right answer, and how to spoil one part of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stratforge.intent.gate import contract_findings, readings_to_tell
from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy import compile_strategy

REQUEST = (
    "Buy AAPL when RSI is below 35 and the price is above VWAP, but not on Mondays and only after 10:30. "
    "Put 20% of equity in. At most 2 trades per day. "
    "Sell when RSI is above 60 or MFI is above 80, with a stop loss of 1%."
)
CODE = """\
def indicators(bars):
    return {
        "rsi": ta.rsi(bars.close, length=14),
        "vwap": ta.vwap(bars.high, bars.low, bars.close, bars.volume),
        "mfi": ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14),
    }


def on_bar(bar, position, state):
    minute = bar.time.hour * 60 + bar.time.minute
    if bar.time.weekday != state.get("day", -1):
        state["bought"] = 0
    state["day"] = bar.time.weekday
    if (
        position.quantity == 0
        and bar.rsi < 35
        and bar.close > bar.vwap
        and bar.time.weekday != 0
        and minute > 630
        and state["bought"] < 2
    ):
        state["bought"] = state["bought"] + 1
        return buy(fraction=0.2)
    if position.quantity > 0 and (
        bar.rsi > 60
        or bar.mfi > 80
        or position.unrealized_return < -0.01
    ):
        return sell()
"""
RSI, MFI = (
    "ta.rsi(bars.close, length=14)",
    "ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14)",
)
RULES = {
    "entry": (f"buy when {RSI} < 35 and close > ta.vwap(bars.high, bars.low, bars.close, bars.volume)",),
    "days": ("buy only when weekday != 0",),
    "hours": ("buy only when minute > 630",),
    "size": ("size 20% of equity",),
    "often": ("at most 2 buys a day",),
    "exit": (f"sell when {RSI} > 60 or {MFI} > 80",),
    "stop": ("sell when gain <= -1",),
}
QUOTES = {
    "entry": ("Buy AAPL when RSI is below 35 and the price is above VWAP", "bar.rsi < 35", "bar.close > bar.vwap"),
    "days": ("but not on Mondays", "bar.time.weekday != 0"),
    "hours": ("and only after 10:30", "minute > 630", "minute = bar"),
    "size": ("Put 20% of equity in", "return buy("),
    "often": ("At most 2 trades per day", 'state["bought"] < 2'),
    "exit": ("Sell when RSI is above 60 or MFI is above 80", "bar.rsi > 60", "bar.mfi > 80"),
    "stop": ("with a stop loss of 1%", "position.unrealized_return <"),
}


def _lines(code: str, marks: tuple[str, ...]) -> list[int]:
    return [number for number, line in enumerate(code.splitlines(), 1) if any(mark in line for mark in marks)]


def _requirements() -> list[Requirement]:
    return [
        Requirement(
            quote=quote, meaning=quote, status=Status.COVERED, rules=list(RULES[name]), lines=_lines(CODE, tuple(rest))
        )
        for name, (quote, *rest) in QUOTES.items()
    ]


@dataclass
class Answer:
    """What a model hands in."""

    request: str = REQUEST
    code: str = CODE
    requirements: list[Requirement] = field(default_factory=_requirements)
    assumptions: tuple[str, ...] = ("The RSI and the MFI look at 14 bars.",)
    earlier: tuple[str, ...] = ()

    def replace(self, old: str, new: str) -> Answer:
        """The same with other code; the number of lines stays."""
        assert self.code.count(old) >= 1
        assert old.count("\n") == new.count("\n")
        self.code = self.code.replace(old, new)
        return self

    def ruled(self, old: str, new: str) -> Answer:
        """The same with other rules; the lines are those of the words."""
        assert any(old in rule for each in self.requirements for rule in each.rules)
        self.requirements = [
            each.model_copy(update={"rules": [rule.replace(old, new) for rule in each.rules]})
            for each in self.requirements
        ]
        return self

    def asked(self, old: str, new: str) -> Answer:
        """The same for another request: its words and the quotations change, the code does not."""
        assert old in self.request
        self.request = self.request.replace(old, new)
        self.requirements = [
            each.model_copy(update={"quote": each.quote.replace(old, new), "meaning": each.meaning.replace(old, new)})
            for each in self.requirements
        ]
        return self

    def without(self, name: str) -> Answer:
        """The same without one requirement."""
        quote = QUOTES[name][0]
        self.requirements = [each for each in self.requirements if each.quote != quote]
        return self

    def changed(self, name: str, **values: object) -> Answer:
        """The same with one requirement said otherwise."""
        quote = QUOTES[name][0]
        self.requirements = [
            each.model_copy(update=values) if each.quote == quote else each for each in self.requirements
        ]
        return self

    @property
    def findings(self) -> list[str]:
        """What the gate says."""
        taken, _ = readings_to_tell(
            self.request, self.requirements, self.assumptions, symbol="AAPL", earlier=self.earlier
        )
        return contract_findings(
            self.request,
            self.requirements,
            compile_strategy(self.code),
            [*self.assumptions, *taken],
            symbol="AAPL",
            earlier=self.earlier,
        )
