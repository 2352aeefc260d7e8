"""Strategies that have a name, what a request is about, and its symbol."""

from __future__ import annotations

from simulators.gemini.author.averages import average
from simulators.gemini.author.conditions import condition
from simulators.gemini.author.draft import Draft, only_time
from simulators.gemini.author.oscillators import macd, oscillator
from simulators.gemini.author.rules import Both, Compare, Condition, Cross, Number
from simulators.gemini.author.scanner import N, Scanner
from simulators.gemini.author.series import CLOSE, band, channel, series
from simulators.gemini.author.times import time_condition


def topic(draft: Draft) -> bool:
    """“Follow the SuperTrend:”, “with the RSI:”: what the next words are about."""
    scan = draft.scan
    if not scan.take(r"(?:follow(?:s|ing)?|use|using|with|watch|based on|by|trade(?: by| with)?)(?: the)?"):
        return False
    if scan.take(r"super ?trend(?: indicator)?(?: on @\S+)?"):
        condition(Scanner("supertrend is up"), draft.memory)
        return True
    about = series(scan)
    if about is None or about == CLOSE or not scan.sees(r"[:,.]|on @|for @|$"):
        return False
    scan.take(r"(?:on|for) @\S+")
    draft.memory.left = about
    return True


def title(draft: Draft) -> bool:
    """“EMA 12/26 crossover on MSFT”, “RSI mean reversion”, “a Bollinger bounce”: strategies that have a name."""
    scan = draft.scan
    begin = scan.start
    draft.memory.position = False
    scan.take(r"(?:a |an |the |my |simple |classic |standard |use |trade )+")
    kinds = r"(?: (?:strategy|system|signal|crossover|cross|bot|trading))*"
    found: Condition | None = None
    leave: Condition | None = None
    if draft.plan.of("entry"):
        return False
    if match := scan.take(
        rf"(?:buy (?:the )?)?rsi (?:\( ?{N} ?\) )?(?:mean reversion|reversal|oversold(?: bounce)?|dip buying){kinds}"
    ):
        rsi = oscillator(Scanner(f"rsi ( {match[1]} )" if match[1] else "rsi"))
        assert rsi is not None
        found, leave = Compare(rsi, "<", Number(30)), Compare(rsi, ">", Number(70))
        draft.plan.assumptions.append(
            "An RSI mean reversion buys below 30 and sells above 70 unless other levels are given."
        )
    elif match := scan.take(rf"rsi(?: \( ?(\d+) ?\))? {N} ?/ ?{N}{kinds}"):
        rsi = oscillator(Scanner(f"rsi ( {match[1]} )" if match[1] else "rsi"))
        assert rsi is not None
        found, leave = Compare(rsi, "<", Number(float(match[2]))), Compare(rsi, ">", Number(float(match[3])))
    elif match := scan.take(
        rf"(exponential |simple |ema |sma )?(?:moving averages?|averages?|mas?|ema|sma)? ?(?:crossover|cross)(?: of| with|:)? ?\(? ?(?:fast )?{N} ?(?:bars?)? ?(?:,|and|/|x) ?(?:slow )?{N} ?(?:bars?)? ?\)?"
    ):
        kind = "ema" if (match[1] or "").startswith("e") or " ema " in f" {match[0]} " else "sma"
        found = Cross(average(kind, float(match[2])), True, average(kind, float(match[3])))
    elif scan.take(rf"(?:bollinger(?: band)?s?|bb) (?:bounce|mean reversion|reversal|strategy){kinds}"):
        found, leave = Compare(CLOSE, "<", band("lower")), Compare(CLOSE, ">", band("middle"))
        draft.plan.assumptions.append(
            "A Bollinger mean reversion buys below the lower band of 20 bars and 2 deviations and sells above the middle one."
        )
    elif scan.take(rf"macd (?:crossover|cross|strategy){kinds}"):
        found = Cross(macd("macd"), True, macd("signal"))
    elif match := scan.take(rf"(?:{N} ?bar )?(?:donchian|turtle)(?: channel)?(?: breakout)?{kinds}"):
        length = float(match[1]) if match[1] else 20
        found, leave = (
            Compare(CLOSE, ">", channel("high", length)),
            Compare(CLOSE, "<", channel("low", length / 2 if length >= 4 else length)),
        )
        draft.plan.assumptions.append(f"The channel is {length:g} bars to buy by and {length / 2:g} to sell by.")
    else:
        at = scan.at
        got = condition(scan, draft.memory)
        before = scan.text[:at].split()
        if (
            got is None
            or only_time(got)
            or (before and before[-1] in ("and", "or", "when", "if", "unless", "(", "not"))
        ):
            scan.at = at
            return False
        found = got
        if not isinstance(found, Cross):
            draft.plan.assumptions.append(f"It was not said what to do when {found.words}: it is the rule to buy by.")
    scan.take(r"(?:strategy|system|signals?|crossover|bot)?(?: (?:on|for|in|with) @\S+)?")
    timed = time_condition(scan, draft.memory)
    draft.bought(found)
    draft.reverse = leave or draft.reverse
    if timed is not None:
        found = Both((found, timed))
    draft.rule("entry", found, begin)
    if leave is not None:
        draft.rule("exit", leave, begin)
    return True


def subject(draft: Draft) -> bool:
    """Reads the symbol of the request, such as “on AAPL”, or its 1-minute bars."""
    if draft.scan.take(
        r"(?:(?:on|for|in|with|of|trade|trading|the) )*@\S+(?: 's)?(?: (?:stock|shares?|only))?(?: :)?(?= |$)"
    ):
        return True
    return bool(
        draft.scan.take(
            r"(?:on |using |with )?(?:the )?(?:1|one|1 ?minute|one minute|minute) ?(?:minute|min|m)? ?(?:bars|candles|chart|timeframe|data|time frame)"
        )
    )
