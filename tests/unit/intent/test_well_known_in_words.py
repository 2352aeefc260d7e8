"""The well-known strategies of the table are reached in plain words, through the contract: most by the offline author, whose code trades as the file does,
the others by an answer whose code is the file, as a language model might give it, and that the gate lets through.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import NotPassed, Passed, write_strategy
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.application.gallery import CONFIG
from stratforge.backtest import run_backtest
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.strategy import Strategy
from stratforge.strategy.rotation import PortfolioStrategy

from tests.benchmarks.known import Known, known, stocks
from tests.support.tiers import one_of

KNOWN = {each.name: each for each in known()}
DAILY = "On daily bars, "
WORDS = {
    "golden-cross": f"{DAILY}buy MSFT when the 50-day SMA is above the 200-day SMA, sell when the 50-day SMA is below the 200-day SMA",
    "ten-month-average": f"{DAILY}buy MSFT when the close is above the 210-day SMA, sell when the close is below the 210-day SMA",
    "twelve-month-momentum": f"{DAILY}buy MSFT when ROC(252) is above 0, sell when ROC(252) is below 0",
    "turtle-short": f"{DAILY}buy MSFT when the close is above the highest high of the last 20 days, with a stop loss 2 ATR(20) below the entry, sell when the close is below the lowest low of the last 10 days",
    "turtle-long": f"{DAILY}buy MSFT when the close is above the highest high of the last 55 days, sell when the close is below the lowest low of the last 20 days",
    "four-week-rule": f"{DAILY}buy MSFT when the close is above the highest high of the last 20 days, sell when the close is below the lowest low of the last 20 days",
    "macd": f"{DAILY}buy MSFT when MACD is above its signal line, sell when MACD is below its signal line",
    "four-nine-eighteen": f"{DAILY}buy MSFT when the 4-day SMA is above the 9-day SMA and the 9-day SMA is above the 18-day SMA, sell when the 4-day SMA is below the 9-day SMA",
    "rsi-seventy-thirty": f"{DAILY}buy MSFT when the 14-day RSI is below 30, sell when it is above 70",
    "rsi-two": f"{DAILY}buy MSFT when the close is above the 200-day SMA and RSI(2) is below 10, sell when the close is above the 5-day SMA",
    "three-down-days": f"{DAILY}buy MSFT after 3 lower closes in a row, only when the close is above the 200-day SMA, sell when the close is above the 5-day SMA",
    "bollinger-reversion": f"{DAILY}buy MSFT when the close is below the lower Bollinger band (20, 2), sell when the close is above the middle Bollinger band (20, 2)",
    "bollinger-breakout": f"{DAILY}buy MSFT when the close is above the upper Bollinger band (20, 2), sell when the close is below the middle Bollinger band (20, 2)",
    "keltner-breakout": f"{DAILY}buy MSFT when the close is above the upper Keltner channel (20, 2), sell when the close is below the middle Keltner channel (20, 2)",
    "directional-movement": f"{DAILY}buy MSFT when +DI is above -DI and ADX(14) is above 20, sell when +DI is below -DI",
    "stochastic": f"{DAILY}buy MSFT when stochastic %K is below 20, sell when stochastic %K is above 80",
    "commodity-channel": f"{DAILY}buy MSFT when CCI(20) is above 100, sell when CCI(20) is below 0",
    "williams-r": f"{DAILY}buy MSFT when Williams %R(14) is below -80, sell when Williams %R(14) is above -20",
    "aroon": f"{DAILY}buy MSFT when Aroon up (25) is above Aroon down (25), sell when Aroon up (25) is below Aroon down (25)",
    "money-flow": f"{DAILY}buy MSFT when MFI(14) is below 20, sell when MFI(14) is above 80",
    "hull": f"{DAILY}buy MSFT when the 55-day HMA is rising, sell when the 55-day HMA is falling",
    "vortex": f"{DAILY}buy MSFT when the vortex plus (21) is above the vortex minus (21), sell when the vortex plus (21) is below the vortex minus (21)",
    "z-score": f"{DAILY}buy MSFT when the z-score (30) is below -2, sell when the z-score (30) is above 0",
    "monthly_rotation": "every month hold the 2 strongest of AAPL, GOOG, IBM, MSFT by 126-day return, equal weights, only when IBM is above its 200-day average",
    "dual_momentum": "every month hold the strongest of AAPL, GOOG, IBM, MSFT by 12-month return, only those with positive 12-month return, equal weights",
    "inverse_volatility": "every month hold all of AAPL, GOOG, IBM, MSFT weighted by inverse 3-month volatility",
    "sixty_forty": "60% IBM, 40% MSFT, rebalanced quarterly",
}  # fmt: skip
# Words, rules, and an explanation.
BY_RULES: dict[str, tuple[str, list[str], str]] = {
    "internal-bar-strength": (
        "buy MSFT when (close - low) / (high - low) is below 0.2; sell when (close - low) / (high - low) is above 0.8",
        ["buy when (bars.close - bars.low) / (bars.high - bars.low) < 0.2", "sell when (bars.close - bars.low) / (bars.high - bars.low) > 0.8"],
        "On daily bars it buys when the close is in the lowest 0.2 of the bar's range, and sells when it is above 0.8 of it.",
    ),
    "limit_pullback": (
        "buy MSFT when the close is above the 200-day SMA with a limit order 3% below the close for 1 day; sell when the close is above the 5-day SMA",
        ["buy when close > ta.sma(bars.close, length=200)", "buy at limit 3% below close for 1 bars", "sell when close > ta.sma(bars.close, length=5)"],
        "On daily bars it buys above the 200-day average at a limit 3 % (0.03) below the close, good for 1 bar, and sells above the 5-day average.",
    ),
    "volatility_breakout": (
        "buy MSFT with a stop order half of the bar's range above the close for 1 day; sell on the next bar",
        ["buy when close > 0", "buy at stop close + 0.5 * (high - low) for 1 bars", "sell when bars_held >= 1"],
        "On daily bars it buys with a stop order 0.5 of the bar's range above the close, good for 1 bar, and sells on the bar after.",
    ),
    "channel_stop_orders": (
        "buy MSFT with a stop order at the 20-day high, moved every day; sell with a stop order at the 10-day low, moved every day",
        ["buy when close > 0", "buy at stop bars.high.rolling(20).max()", "sell when close > 0", "sell at stop bars.low.rolling(10).min()"],
        "On daily bars a stop order at the highest high of 20 bars buys, and one at the lowest low of 10 bars sells.",
    ),
}  # fmt: skip


def passed(words: str, answer: dict[str, Any]) -> Passed:
    """What comes of an answer that is the same however often it is asked for."""
    drafted = Drafted(StrategyDraft.model_validate(answer), 1)
    turns = [Turn("user", first_request(words))]
    return write_strategy(lambda _system, _turns: drafted, turns, lambda _: None, lambda _: [])


def equity_of(strategy: Strategy | PortfolioStrategy) -> np.ndarray:
    """The equity over the real days of the table."""
    if isinstance(strategy, PortfolioStrategy):
        return run_portfolio_backtest(
            strategy, {each: stocks()[each] for each in strategy.symbols}, CONFIG
        ).equity_values
    return run_backtest(strategy, stocks()["MSFT"], CONFIG).equity_values


@pytest.mark.parametrize("name", one_of(3, WORDS))
def test_the_offline_author_writes_it_from_plain_words_and_it_trades_as_the_file(name: str) -> None:
    found = passed(WORDS[name], write_answer([WORDS[name]]))
    assert found.strategy is not None, found.draft.questions
    assert found.repairs == ()
    np.testing.assert_allclose(equity_of(found.strategy), equity_of(KNOWN[name].strategy), rtol=1e-9)


def answer_of(each: Known, words: str, rules: list[str], explanation: str) -> dict[str, Any]:
    """An answer whose code is the file."""
    count = len(each.source.splitlines())
    said = {"quote": words, "meaning": explanation, "status": "covered", "rules": rules, "lines": [*range(1, count + 1)]}  # fmt: skip
    bars = {"quote": DAILY.strip(" ,"), "meaning": "It decides on bars of a day.", "status": "covered", "rules": [], "lines": [1]}  # fmt: skip
    return {
        "kind": "strategy",
        "name": each.title,
        "symbol": "MSFT",
        "timeframe": "1d",
        "python_code": each.source,
        "logic_explanation": explanation,
        "requirements": [said, bars],
    }


@pytest.mark.parametrize("name", BY_RULES)
def test_the_file_itself_passes_the_gate_for_its_words_and_nothing_else_does(name: str) -> None:
    each, (words, rules, explanation) = KNOWN[name], BY_RULES[name]
    found = passed(DAILY + words, answer_of(each, words, rules, explanation))
    assert isinstance(found.strategy, Strategy)
    assert found.strategy.timeframe == "1d"
    np.testing.assert_allclose(equity_of(found.strategy), equity_of(each.strategy), rtol=1e-12)
    # How the words were taken is told, as no strict reading knows them.
    assert any("is taken as" in told for told in found.draft.assumptions)
    for number, other in (("0.8", "0.9"), ("200", "100"), ("0.5", "0.7"), ("20", "30")):
        if f" {number}" in each.source.split("def ")[0]:
            answer = answer_of(each, words, rules, explanation)
            answer["python_code"] = each.source.replace(f" {number}", f" {other}")
            with pytest.raises(NotPassed):
                passed(DAILY + words, answer)
            break
    else:
        raise AssertionError("the file has none of these numbers")


def test_thirty_one_are_reached_and_every_kind_is_among_them() -> None:
    reached = {*WORDS, *BY_RULES}
    assert len(reached) == len(WORDS) + len(BY_RULES) == 31
    assert reached <= KNOWN.keys()
    text = "".join(KNOWN[name].source for name in reached)
    for kind in ("limit=", "stop=", "stop_loss_price=", "expire_bars=", "UNIVERSE", 'TIMEFRAME = "1d"', "weights.", "ta.atr("):  # fmt: skip
        assert kind in text, kind
