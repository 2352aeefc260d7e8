"""Questions about a strategy, its backtest, trades and the portfolio: what has to be looked up, and the answer from what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from stratforge.market.amounts import units
from stratforge.market.sizes import Action, Side

from simulators.gemini.author.wording import Wording

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")  # fmt: skip
_ASKS = re.compile(
    r"^\W*(?:(?:please|and|so|ok|hey|hi|but|can you|could you|tell me|do you know) )*(?:why|how (?:much|many|is|are|was|were|did|do|does|well|has|have|am)|which|what(?:'s| is| was| were| are| did| does| do| happened)?|when did|when was|where|did|does|has|have|is|are|was|am|explain|describe|show|summari[sz]e|compare|warum|wieso|welche\w*|was|wie|erkläre?|por ?qu[eé]|cuál\w*|explica|pourquoi|quelle?s?|explique)\b",
    re.IGNORECASE,
)
_ABOUT = {
    "strategies": r"\b(?:of mine|of my strateg\w*|my strategies|all strategies|best|worst|which strategy|strateg\w+ (?:is|are|did|made)|meiner|mías|miennes)\b",
    "portfolio": r"\b(?:portfolio|cash|balance|positions?|holding|hold(?:ings)?|own|equity|account|depot|cartera|portefeuille)\b",
    "trades": r"\b(?:(?:i|you|we|it) (?:buy|sell|trade)|this trade|last trade|that trade|the trade|my trades?|live trades?|last (?:buy|sale|order)|(?:bought|sold)|diesen trade|letzte\w* trade|esta operación|cette? (?:trade|transaction))\b",
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


def day_of(request: str) -> str:
    """The day that a question names, as `2026-03-04` or `03-04`; empty when it names none."""
    if match := re.search(r"\b(\d{4}-\d\d-\d\d)\b", request):
        return match[1]
    months = "|".join(_MONTHS)
    for form in (rf"\b(?P<month>{months})\s+(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}}))?", rf"\b(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month>{months})\b(?:,?\s+(?P<year>\d{{4}}))?"):  # fmt: skip
        if match := re.search(form, request.lower()):
            day = f"{_MONTHS.index(match['month']) + 1:02d}-{int(match['day']):02d}"
            return f"{match['year']}-{day}" if match["year"] else day
    return ""


def lookups_of(subject: str, question: str) -> list[dict[str, str]]:
    """Lists what has to be looked up for a question; of the trades of a day those that a backtest made, too."""
    day, symbol = day_of(question), next(iter(Wording(question).symbols), "")
    if subject == "trades":
        # “Sold in March”, and not “it may sell”.
        month = "" if day else month_of(question)
        live = {"what": "trades", "day": day, "month": month, "symbol": symbol}
        return [live, {"what": "backtest", "day": day, "month": month}] if day or month else [live]
    if subject == "backtest":
        return [{"what": "backtest", "day": day, "month": month_of(question)}]
    return [{"what": subject}]


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


def answer(subject: str, looked: Sequence[Mapping[str, Any]], described: str, question: str = "") -> str:
    """The answer to a question from what was looked up, in sentences; of the strategy itself from what is known of it."""
    if subject == "strategy":
        said = described or "There is no strategy in this conversation yet: describe one, and it is written."
        return f"{said} {_OFFLINE}" if _OFFLINE not in said else said
    data: dict[str, Any] = {}
    for each in looked:
        data |= each
    if subject == "trades":
        data |= {"trades": _of_side(list(data.get("trades", [])), question)}
    said = {"strategies": _strategies, "portfolio": _portfolio, "trades": _trades, "backtest": _backtest}[subject](data)
    return f"{said} {_OFFLINE}"


def _strategies(data: Mapping[str, Any]) -> str:
    rows = list(data.get("strategies", []))
    if not rows:
        return "You have no strategies yet."
    tested = [each for each in rows if each["last_backtest"] and "total_return_percent" in each["last_backtest"]]
    if not tested:
        return f"None of your {len(rows) + int(data.get('more_strategies', 0))} strategies has been backtested yet, so they cannot be compared."
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


def _digits(number: float) -> str:
    """A quantity or a price, with all its digits before the point."""
    return units(Decimal(str(number)))


def _with_values(tested: Mapping[str, Any]) -> str:
    named = ", ".join(f"{name} = {value:g}" for name, value in tested.get("with_values", {}).items())
    return f" (with {named} in place of its own values)" if named else ""


def _portfolio(data: Mapping[str, Any]) -> str:
    if "cash" not in data:
        return "Your portfolio could not be read."
    held = [
        f"{_digits(each['quantity'])} {each['symbol']} at {_digits(each['average_entry_price'])} (now {_digits(each['latest_price'])}, {each['unrealized_profit']} dollars)"
        for each in data["positions"]
    ]
    return f"You have {data['cash']} dollars in cash and hold {', '.join(held) or 'nothing'}. Realized so far: {data['realized_profit']} dollars."


# Trades that are told of a day.
_TOLD = 3
_SIDES = {Side.BUY: r"\b(?:buy|bought|purchased?)\b", Side.SELL: r"\b(?:sell|sold|sale)\b"}


def _of_side(rows: list[Mapping[str, Any]], question: str) -> list[Mapping[str, Any]]:
    """The trades of the side that a question is about; all where it is about both, or there are none of it."""
    sides = {side for side, sign in _SIDES.items() if re.search(sign, question, re.IGNORECASE)}
    return [each for each in rows if len(sides) != 1 or Action(each["side"]).side in sides] or rows


def _trades(data: Mapping[str, Any]) -> str:
    """The last trade, or those of the time that was asked for; where none was made live, those of the backtest."""
    rows, time, symbol = list(data.get("trades", [])), data.get("time_asked_for"), data.get("symbol_asked_for")
    of = (f" of {symbol}" if symbol else "") + (f" {'on' if _names_day(time) else 'in'} {time}" if time else "")
    if rows and not time:
        return _trade(rows[0], "The last trade")
    if rows:
        chosen = [each for each in rows if each["this_strategy"]] or rows
        told = [_trade(each, f"A trade{' of this strategy' if each['this_strategy'] else ''}") for each in chosen[:_TOLD]]  # fmt: skip
        return " ".join([*told, *([f"There were more{of}: these are the last."] if len(chosen) > _TOLD else [])])
    if not time:
        return f"There are no live trades{of} yet."
    if data.get("trades_then"):
        tested = [f"from {each['entry_price']} on {each['entry']} to {each['exit_price']} on {each['exit']} UTC, ended by a {each['exit_reason']}, {each['profit']} dollars" for each in data["worst_trades"]]  # fmt: skip
        return f"There was no live trade{of}. In the last backtest, on {data['backtest']['symbol']}, {'; '.join(tested)}."  # fmt: skip
    return f"There was no trade{of}, neither live nor in the last backtest."


def _names_day(time: str) -> bool:
    return len(time) in (len("03-04"), len("2026-03-04"))


def _trade(row: Mapping[str, Any], which: str) -> str:
    """What a trade did, and what placed its order."""
    done = {"buy": "bought", "short": "sold short"}.get(row["side"], "sold" if row["side"] == "sell" else "bought back")
    rules = f" ({'; '.join(row['rules'])})" if row["rules"] else ""
    cause = (
        f" because the strategy's rule to {row['side']} held on the bar of {row['signal_of']} UTC{rules}"
        if row["signal_of"]
        else f"; its order was placed by: {row['placed_by']}"
    )
    result = f" It realized {row['profit']} dollars." if row["profit"] is not None else ""
    return f"{which} {done} {_digits(row['quantity'])} {row['symbol']} at {_digits(row['price'])} on {row['at']} UTC{cause}.{result}"


def _backtest(data: Mapping[str, Any]) -> str:
    tested = data.get("backtest")
    if not tested:
        return "There is no backtest of it yet: run one, and ask again."
    month, day = data.get("month_asked_for"), data.get("day_asked_for")
    months = list(data.get("months", []))
    if month and not months:
        return f"The backtest has no data of month {month}."
    if month:
        said = " and ".join(f"in {each['month']} it returned {each['return_percent']} %" for each in months)
    else:
        said = f"over the whole backtest it returned {tested.get('total_return_percent')} %, with a greatest drawdown of {tested.get('max_drawdown_percent')} %"
    said = f"On {tested['symbol']}{_with_values(tested)}, {said}."
    if not data["trades_then"]:
        return f"{said} It closed no trade {f'on {day}' if day else 'then'}."
    said += f" On {day}:" if day else ""
    said += f" {data['losing_trades_then']} of {data['trades_then']} trades closed then lost."
    reasons = sorted(data["by_exit_reason"].items(), key=lambda each: float(each[1]["profit"]))
    ended = [f"{name} {each['profit']} dollars in {each['trades']} trades" for name, each in reasons]
    said += f" By what ended them: {', '.join(ended)}."
    worst = data["worst_trades"][0]
    if worst["profit"] < 0:
        said += f" The worst went from {worst['entry_price']} to {worst['exit_price']} ({worst['return_percent']} %), ended by a {worst['exit_reason']} on {worst['exit']} UTC."
    return said
