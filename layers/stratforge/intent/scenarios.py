"""That a strategy can act at all: in made-up markets near the prices it speaks of it must once buy, and once sell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.intent.markets import KINDS, market
from stratforge.intent.program import Program
from stratforge.intent.trial import sides_decided
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.on_bar_expressions import SIGNALS

_NEVER = {
    "buy": "The strategy never buys, in no market that was tried (rising, falling, swinging, crashing, over seven sessions): its conditions exclude each other, or need something that cannot happen.",
    "sell": "The strategy never sells what it bought, in no market that was tried: its rules for selling cannot come true.",
    "short": "The strategy never goes short, in no market that was tried: its conditions exclude each other, or need something that cannot happen.",
    "cover": "The strategy never covers what it sold short, in no market that was tried: its rules for covering cannot come true.",
}


def never_acts(strategy: Strategy, program: Program, *, around_the_clock: bool = False) -> Iterator[str]:
    """That it never buys, or never sells, whatever the market does, of a strategy that goes short also that it never does that, or never covers; that it cannot be run at all."""
    deeds = {"buy", "sell"} if not strategy.shorts or "buy" in strategy.decisions else set[str]()
    deeds |= {"short", "cover"} if strategy.shorts else set()
    done = set[str]()
    volume = max(_compared_with(program, ("bar.volume",)), default=0.0)
    for level in _levels(program):
        for kind in KINDS:
            try:
                # Of whatever length its bars are, these are of that length.
                made = market(kind, level, volume, weekend=around_the_clock)
                bars = replace(made, minutes=strategy.bar_minutes, daily=strategy.bar_minutes == DAY_MINUTES)
                report = run_backtest(strategy, bars, BacktestConfig())
            except BacktestError as error:
                yield f"The strategy cannot be backtested: {error}"
                return
            done |= {name for name, number in SIGNALS.items() if bool((report.fills.side == number).any())}
            if done >= deeds:
                return
    # Markets of whole bars seldom show every mixture of indicators: in drawn ones each stands on each side of its levels.
    never = deeds - done
    never -= sides_decided(strategy, never, around_the_clock=around_the_clock)
    yield from [sentence for deed, sentence in _NEVER.items() if deed in never][:1]


def _levels(program: Program) -> tuple[float, ...]:
    """Prices to try: 100, and what the code compares prices with."""
    named = sorted(_compared_with(program, ("bar.close", "bar.open", "bar.high", "bar.low")))
    return (100.0, *named[:3])


def _compared_with(program: Program, names: tuple[str, ...]) -> set[float]:
    """The numbers from 1 on that these are compared with."""
    return {
        abs(value)
        for each in program.comparisons
        if each.left in names and "bar." not in each.right
        for value in each.values
        if abs(value) >= 1
    }
