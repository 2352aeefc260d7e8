"""Looks up what a model needs to answer a question: the asking user's own strategies, backtests, trades and portfolio, to read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.ai.draft import Lookup, LookupKind
from stratforge.intent.gate import rules_of
from stratforge.intent.long_short.rules import TURN, side_in_words
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import read_rule
from stratforge.intent.shorts import as_short, rule_as_bought
from stratforge.market.columns import exchange_timezone
from stratforge.market.sizes import Action
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.portfolio import LedgerFilter, TradeRow
from stratforge.storage.market.clock import market_now
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import backtests, strategies
from stratforge.storage.strategies.comparison import compare_strategies
from stratforge.storage.strategies.strategies import VersionRun

# So much is shown at most: an answer needs the figures, and a model pays for every row.
_STRATEGIES, _TRADES = 30, 30
_FIGURES = ("total_return", "max_drawdown", "sharpe", "trades", "win_rate", "profit_factor", "average_trade_return", "buy_and_hold_return")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lookups:
    """The lookups of one conversation; nothing of anybody else is ever read.

    Attributes:
        user_id: Who asks.
        strategy_id: The strategy that the conversation is about; None before there is one.
    """

    database: Database
    user_id: UUID
    strategy_id: UUID | None

    def __call__(self, wanted: Lookup) -> dict[str, Any]:
        """The data, as a model and a person can read it: money in dollars, returns in percent, times of the exchange's data in UTC."""
        with self.database.reading(self.user_id) as connection:
            match wanted.what:
                case LookupKind.STRATEGIES:
                    return self._strategies(connection)
                case LookupKind.BACKTEST:
                    return self._backtest(connection, wanted)
                case LookupKind.TRADES:
                    return self._trades(connection, wanted)
                case LookupKind.PORTFOLIO:
                    return self._portfolio(connection)

    def _strategies(self, connection: Connection) -> dict[str, Any]:
        """The conversation's strategy, and then those whose last backtests returned most; how many there are besides is said."""
        found = compare_strategies(connection, self.user_id, self.strategy_id, _STRATEGIES)
        return {
            "strategies": [
                {
                    "name": each.name,
                    "symbol": each.symbol,
                    "version": each.version,
                    "this_one": each.strategy_id == self.strategy_id,
                    "last_backtest": None
                    if each.metrics is None
                    else _tested(each.tested_version, each.parameters, each.metrics),
                    "profit_of_sessions": None if each.profit is None else round(float(each.profit), 2),
                }
                for each in found
            ],
            "more_strategies": found[0].of_strategies - len(found) if found else 0,
        }

    def _backtest(self, connection: Connection, wanted: Lookup) -> dict[str, Any]:
        month = wanted.day[:-3] or wanted.month
        found = backtests.list_backtests(connection, self.user_id, Page(1), self.strategy_id)
        report = backtests.get_report(connection, found[0].backtest_id) if found else None
        if report is None:
            return {"backtest": None}
        closed = [_closed(each) for each in report.report.get("trades", [])]
        months = [
            {"month": each["month"], "return_percent": _percent(each["return"])}
            for each in report.report.get("months", [])
        ]
        chosen = [each for each in closed if month in ("", each["exit"][: len(month)], each["exit"][5:7])]
        if wanted.day:
            # Times are in UTC: while the exchanges trade it is the same day there.
            chosen = [each for each in closed if wanted.day in (each[at][:10][-len(wanted.day) :] for at in ("entry", "exit"))]  # fmt: skip
        reasons = dict[str, dict[str, float]]()
        for each in chosen:
            row = reasons.setdefault(each["exit_reason"], {"trades": 0, "profit": 0.0})
            row["trades"] += 1
            row["profit"] = round(row["profit"] + each["profit"], 2)
        return {
            "backtest": {
                "symbol": report.symbol,
                **_tested(report.strategy_version, report.parameters, report.metrics),
            },
            "months": [each for each in months if month in ("", each["month"], each["month"][5:7])],
            "month_asked_for": month or None,
            "day_asked_for": wanted.day or None,
            "trades_then": len(chosen),
            "losing_trades_then": sum(each["profit"] < 0 for each in chosen),
            "by_exit_reason": reasons,
            "worst_trades": sorted(chosen, key=lambda each: float(each["profit"]))[:3],
        }

    def _trades(self, connection: Connection, wanted: Lookup) -> dict[str, Any]:
        """The last trades of a conversation's strategy, or all of the time asked for, each with what placed its order."""
        asked, symbol = bool(wanted.day or wanted.month), wanted.symbol.upper() or None
        if asked:
            found = self._of_time(connection, wanted, symbol)
        else:
            of = LedgerFilter(symbol, strategy_id=self.strategy_id)
            found = portfolio.list_trades(connection, self.user_id, of, NumberedPage(_TRADES + 1))
        more, found = len(found) > _TRADES, found[:_TRADES]
        causes = portfolio.causes_of_orders(connection, {each.order_id for each in found})
        run = strategies.versions_run(connection, {each.session_id for each in found})
        rows = list[dict[str, Any]]()
        for each in found:
            cause, version = causes[each.order_id], run.get(each.session_id)
            rows.append(
                {
                    "symbol": each.symbol,
                    "side": each.action.value,
                    "quantity": float(each.quantity),
                    "price": float(each.price),
                    "at": f"{each.executed_at.astimezone(UTC):%Y-%m-%d %H:%M}",
                    "profit": None if each.action.opens else round(float(each.realized_pnl), 2),
                    "placed_by": cause.origin.words,
                    "signal_of": f"{cause.bar_time.astimezone(UTC):%Y-%m-%d %H:%M}" if cause.bar_time else None,
                    "rules": _rules_of(version, each.action) if version and cause.bar_time else [],
                    "this_strategy": version is not None and version.strategy_id == self.strategy_id,
                }
            )
        now = market_now(connection) or datetime.now(UTC)
        return {
            # What “yesterday” was is known by it.
            "market_time": f"{now.astimezone(UTC):%Y-%m-%d %H:%M}",
            "trades": rows,
            "more_trades": more,
            "time_asked_for": wanted.day or wanted.month or None,
            "symbol_asked_for": wanted.symbol or None,
        }

    def _of_time(self, connection: Connection, wanted: Lookup, symbol: str | None) -> list[TradeRow]:
        """The trades of a day or a month of their exchange, those of the conversation's strategy first; of one that names no year those of the last that has any."""
        days = wanted.day or f"{wanted.month}-__"
        named = f"____-{days}" if len(days) < len("2026-03-04") else days
        found = portfolio.trades_of_days(connection, self.user_id, named, symbol, _TRADES + 1, self.strategy_id)
        year = _day(found[0])[:4] if found else ""
        return [each for each in found if _day(each).startswith(year)]

    def _portfolio(self, connection: Connection) -> dict[str, Any]:
        found = portfolio.read_portfolio(connection, self.user_id)
        if found is None:
            return {"portfolio": None}
        return {
            "cash": round(float(found.cash), 2),
            "realized_profit": round(float(found.realized_pnl), 2),
            "positions": [
                {
                    "symbol": each.symbol,
                    "quantity": float(each.quantity),
                    "average_entry_price": _price(each.avg_entry_price),
                    "latest_price": _price(each.latest_price),
                    "unrealized_profit": round(float(each.unrealized_pnl), 2),
                }
                for each in found.positions
            ],
        }


def _day(trade: TradeRow) -> str:
    return f"{trade.executed_at.astimezone(exchange_timezone(trade.symbol)):%Y-%m-%d}"


def _rules_of(version: VersionRun, action: Action) -> list[str]:
    """What a version has to say of when it does such a thing, in words; nothing where its rules are not known."""
    requirements = [Requirement.model_validate(each) for each in version.requirements]
    # Rules of a strategy that goes short are read as those of its mirror image.
    image = {Action.SHORT: Action.BUY, Action.COVER: Action.SELL}.get(action)
    if image is not None:
        # One that goes long too has rules of its own for that.
        own = [[text for text in each.rules if text.startswith(f"{action} ")] for each in requirements]
        requirements = [each.model_copy(update={"rules": list(map(rule_as_bought, rules))}) for each, rules in zip(requirements, own, strict=True)]  # fmt: skip
    said = [in_words(read_rule(each)) for each in rules_of(requirements) if each.startswith(f"{image or action} ")]
    spoken = said if image is None else list(map(as_short, said))
    turns = not action.opens and any(TURN in each.get("rules", ()) for each in version.requirements)
    return [*spoken, side_in_words(TURN)] if turns else spoken


def _tested(version: int | None, parameters: dict[str, float] | None, metrics: dict[str, Any]) -> dict[str, Any]:
    """Which version was tested, with which values where they were not its own, and what came of it."""
    return {"version": version, **({"with_values": parameters} if parameters else {}), **_figures(metrics)}


def _figures(metrics: dict[str, Any]) -> dict[str, Any]:
    """The figures that questions are about; fractions as percent."""
    parts = ("total_return", "max_drawdown", "win_rate", "average_trade_return", "buy_and_hold_return")
    return {
        f"{name}_percent" if name in parts else name: _percent(value) if name in parts else round(float(value), 2)
        for name in _FIGURES
        if (value := metrics.get(name)) is not None
    }


def _closed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry": _minute(row["entry_time"]),
        "exit": _minute(row["exit_time"]),
        "side": row.get("side", "long"),
        "entry_price": _price(row["entry_price"]),
        "exit_price": _price(row["exit_price"]),
        "profit": round(row["pnl"], 2),
        "return_percent": _percent(row["return"]),
        "exit_reason": row["exit_reason"],
    }


def _price(value: float | Decimal) -> float:
    """A price to four decimals; below a dollar to as many digits as tell it from others."""
    number = float(value)
    return round(number, 4) if abs(number) >= 1 else float(f"{number:.6g}")


def _percent(part: float) -> float:
    return round(100 * float(part), 2)


def _minute(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
