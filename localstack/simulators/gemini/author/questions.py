"""Questions about a strategy, its backtest, trades and the portfolio: what has to be looked up, and the answer from what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")  # fmt: skip
_ASKS = re.compile(
    r"^\W*(?:(?:please|and|so|ok|hey|hi|but|can you|could you|tell me|do you know) )*(?:why|how (?:much|many|is|are|was|were|did|do|does|well|has|have|am)|which|what(?:'s| is| was| were| are| did| does| do| happened)?|when did|when was|where|did|does|has|have|is|are|was|am|explain|describe|show|summari[sz]e|compare|warum|wieso|welche\w*|was|wie|erkläre?|por ?qu[eé]|cuál\w*|explica|pourquoi|quelle?s?|explique)\b",
    re.IGNORECASE,
)
_ABOUT = {
    "strategies": r"\b(?:of mine|of my strateg\w*|my strategies|all strategies|best|worst|which strategy|strateg\w+ (?:is|are|did|made)|meiner|mías|miennes)\b",
    "portfolio": r"\b(?:portfolio|cash|balance|positions?|holding|hold(?:ings)?|own|equity|account|depot|cartera|portefeuille)\b",
    "trades": r"\b(?:this trade|last trade|that trade|the trade|my trades?|live trades?|last (?:buy|sale|order)|it (?:buy|sell|trade)|(?:bought|sold)|diesen trade|letzte\w* trade|esta operación|cette? (?:trade|transaction))\b",
    "backtest": r"\b(?:backtest\w*|lose|lost|losing|loss(?:es)?|profit\w*|return\w*|drawdown|perform\w*|win ?rate|trades?|sharpe|months?|made|make|earn\w*|verl\w*|verlor\w*|gewinn\w*|perd\w*|gan[óo]\w*|gagn\w*|" + "|".join(_MONTHS) + r")\b",
    "strategy": r"\b(?:it|this|the strategy|this strategy|code|rules?)\b",
}  # fmt: skip
_DESCRIBES = re.compile(r"\b(?:buy|buys|enter|go long) (?:\w+ )?(?:when|if|whenever|once)\b", re.IGNORECASE)
_OFFLINE = "[Answered offline by fixed rules, without a language model.]"


def subject_of(request: str) -> str | None:
    """Tells what a question is about: strategies, portfolio, trades, backtest or strategy; None when it is a request to write or change something."""
    if not _ASKS.search(request) or _DESCRIBES.search(request) or not request.strip():
        return None
    return next((name for name, sign in _ABOUT.items() if re.search(sign, request, re.IGNORECASE)), None)


def month_of(request: str) -> str:
    """The month that a question names, as `2026-03` or `03`; empty when it names none."""
    if match := re.search(r"\b(\d{4}-\d\d)\b", request):
        return match[1]
    words = request.lower()
    for number, name in enumerate(_MONTHS, 1):
        if match := re.search(rf"\b(?:in|of|during|for|this|last)?\s*{name}\b(?:\s+(\d{{4}}))?", words):
            if name == "may" and not re.search(r"\b(?:in|of|during|last) may\b", words):
                continue
            return f"{match[1]}-{number:02d}" if match[1] else f"{number:02d}"
    return ""


def answer(subject: str, looked: Sequence[Mapping[str, Any]], described: str) -> str:
    """The answer from what was looked up, in sentences; of the strategy itself from what is known of it."""
    if subject == "strategy":
        said = described or "There is no strategy in this conversation yet: describe one, and it is written."
        return f"{said} {_OFFLINE}" if _OFFLINE not in said else said
    data = looked[-1] if looked else {}
    said = {"strategies": _strategies, "portfolio": _portfolio, "trades": _trades, "backtest": _backtest}[subject](data)
    return f"{said} {_OFFLINE}"


def _strategies(data: Mapping[str, Any]) -> str:
    rows = list(data.get("strategies", []))
    if not rows:
        return "You have no strategies yet."
    tested = [each for each in rows if each["last_backtest"] and "total_return_percent" in each["last_backtest"]]
    if not tested:
        return f"None of your {len(rows)} strategies has been backtested yet, so they cannot be compared."
    ranked = sorted(tested, key=lambda each: -float(each["last_backtest"]["total_return_percent"]))
    lines = [
        f"“{each['name']}” ({each['symbol']}) returned {each['last_backtest']['total_return_percent']} % in its last backtest{_with_values(each['last_backtest'])}, "
        f"with a greatest drawdown of {each['last_backtest'].get('max_drawdown_percent', 0)} %"
        for each in (ranked[:3] if len(ranked) > 1 else ranked)
    ]
    lead = "By the return of the last backtests: " if len(ranked) > 1 else "Only one was backtested: "
    earned = [each for each in rows if each["profit_of_sessions"] is not None]
    live = max(earned, key=lambda each: float(each["profit_of_sessions"]), default=None)
    more = f" Live, “{live['name']}” stands best, at {live['profit_of_sessions']} dollars." if live else ""
    return f"{lead}{'; '.join(lines)}.{more} A past return says little about the next."


def _with_values(tested: Mapping[str, Any]) -> str:
    named = ", ".join(f"{name} = {value:g}" for name, value in tested.get("with_values", {}).items())
    return f" (with {named} in place of its own values)" if named else ""


def _portfolio(data: Mapping[str, Any]) -> str:
    if "cash" not in data:
        return "Your portfolio could not be read."
    held = [
        f"{each['quantity']:g} {each['symbol']} at {each['average_entry_price']} (now {each['latest_price']}, {each['unrealized_profit']} dollars)"
        for each in data["positions"]
    ]
    return f"You have {data['cash']} dollars in cash and hold {', '.join(held) or 'nothing'}. Realized so far: {data['realized_profit']} dollars."


def _trades(data: Mapping[str, Any]) -> str:
    rows = list(data.get("trades", []))
    if not rows:
        return "There are no live trades yet."
    last = rows[0]
    done = "bought" if last["side"] == "buy" else "sold"
    cause = (
        f" because the strategy's rule to {last['side']} held on the bar of {last['signal_of']} UTC"
        if last["signal_of"]
        else f"; its order was placed by: {last['placed_by']}"
    )
    result = f" It realized {last['profit']} dollars." if last["profit"] is not None else ""
    return f"The last trade {done} {last['quantity']:g} {last['symbol']} at {last['price']:g} on {last['at']} UTC{cause}.{result}"


def _backtest(data: Mapping[str, Any]) -> str:
    tested = data.get("backtest")
    if not tested:
        return "There is no backtest of it yet: run one, and ask again."
    month = data.get("month_asked_for")
    months = list(data.get("months", []))
    if month and not months:
        return f"The backtest has no data of month {month}."
    if month:
        said = " and ".join(f"in {each['month']} it returned {each['return_percent']} %" for each in months)
    else:
        said = f"over the whole backtest it returned {tested.get('total_return_percent')} %, with a greatest drawdown of {tested.get('max_drawdown_percent')} %"
    said = f"On {tested['symbol']}{_with_values(tested)}, {said}."
    if not data["trades_then"]:
        return f"{said} It closed no trade then."
    said += f" {data['losing_trades_then']} of {data['trades_then']} trades closed then lost."
    reasons = sorted(data["by_exit_reason"].items(), key=lambda each: float(each[1]["profit"]))
    ended = [f"{name} {each['profit']} dollars in {each['trades']} trades" for name, each in reasons]
    said += f" By what ended them: {', '.join(ended)}."
    worst = data["worst_trades"][0]
    if worst["profit"] < 0:
        said += f" The worst went from {worst['entry_price']} to {worst['exit_price']} ({worst['return_percent']} %), ended by a {worst['exit_reason']} on {worst['exit']} UTC."
    return said
