"""A second backtester, written from the written assumptions, slow and plain: one bar after the other through the live evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stratforge.backtest import BacktestConfig
from stratforge.market import BarColumns
from stratforge.strategy import PositionView, Strategy, evaluate_last_bar
from stratforge.strategy.exits import EXIT_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY


@dataclass
class Account:
    """Money, the position and what happened."""

    config: BacktestConfig
    cash: float
    shares: float = 0.0
    spent: float = 0.0
    peak: float = 0.0
    fills: list[tuple[int, str, float, float, str]] = field(default_factory=list)
    fees: float = 0.0

    @property
    def entry(self) -> float:
        return self.spent / self.shares if self.shares else 0.0

    def fee(self, shares: float, price: float) -> float:
        config = self.config
        return (
            shares * price * config.commission_bps / 1e4
            + shares * config.commission_per_share
            + config.commission_per_order
        )

    def buy(self, bar: int, wanted: float, open_: float) -> float:
        """Buys what can be paid; returns how much, and how much would have been wanted within the cash."""
        config = self.config
        price = open_ * (1 + (config.slippage_bps + config.spread_bps / 2) / 1e4)
        most = (self.cash - config.commission_per_order) / (
            price * (1 + config.commission_bps / 1e4) + config.commission_per_share
        )
        shares = min(wanted, most)
        if not config.fractional:
            shares = float(math.floor(shares + 1e-9))
        if shares * price < 1.0:
            return 0.0
        fee = self.fee(shares, price)
        if self.shares == 0:
            self.peak = price
        self.cash = max(self.cash - shares * price - fee, 0.0)
        self.shares += shares
        self.spent += shares * price
        self.fees += fee
        self.fills.append((bar, "buy", shares, price, "signal"))
        return shares

    def sell(self, bar: int, shares: float, price: float, why: str) -> None:
        price *= 1 - (self.config.slippage_bps + self.config.spread_bps / 2) / 1e4
        fee = self.fee(shares, price)
        self.cash += shares * price - fee
        self.fees += fee
        self.spent -= self.entry * shares
        self.shares -= shares
        if self.shares <= 0:
            self.shares = self.spent = 0.0
        self.fills.append((bar, "sell", shares, price, why))


def run_naive(strategy: Strategy, bars: BarColumns, config: BacktestConfig) -> tuple[Account, list[float]]:
    """The account after the run, and the equity at every close."""
    account, equity = Account(config, config.cash), []
    order: tuple[str, float] | None = None
    state: dict[str, float] = {}
    held, highs = 0, list[float]()
    for i in range(len(bars)):
        open_, high, low, close = (float(getattr(bars, name)[i]) for name in ("open", "high", "low", "close"))
        if order is not None:
            side, wanted = order
            part = wanted
            if config.participation is not None:
                part = min(part, float(bars.volume[i]) * config.participation)
                if not config.fractional:
                    part = float(math.floor(part))
            if side == "buy":
                price = open_ * (1 + (config.slippage_bps + config.spread_bps / 2) / 1e4)
                most = (account.cash - config.commission_per_order) / (
                    price * (1 + config.commission_bps / 1e4) + config.commission_per_share
                )
                if part > most:
                    wanted = most
                wanted -= account.buy(i, part, open_)
                order = ("buy", wanted) if config.participation is not None and wanted * price >= 1.0 else None
            else:
                part = account.shares if part >= account.shares - 1e-9 else part
                if part > 0:
                    account.sell(i, part, open_, "signal")
                    wanted -= part
                rest = config.participation is not None and account.shares > 0 and wanted > 1e-9
                order = ("sell", wanted) if rest else None
        if account.shares > 0:
            stops = []
            if config.stop_loss is not None:
                stops.append((account.entry * (1 - config.stop_loss), "stop loss"))
            if config.trailing_stop is not None:
                stops.append((account.peak * (1 - config.trailing_stop), "trailing stop"))
            own = {name: state[key] for name, key in EXIT_KEYS.items() if key in state}
            if "stop_loss" in own:
                stops.append((account.entry * (1 - own["stop_loss"]), "stop loss"))
            if "stop_loss_price" in own:
                stops.append((own["stop_loss_price"], "stop loss"))
            if "trailing_stop" in own:
                stops.append((max([account.entry, *highs]) * (1 - own["trailing_stop"]), "trailing stop"))
            level, why = max(stops, key=lambda each: each[0], default=(0.0, ""))
            target = account.entry * (1 + config.take_profit) if config.take_profit is not None else math.inf
            target = min(
                target, account.entry * (1 + own.get("take_profit", math.inf)), own.get("take_profit_price", math.inf)
            )
            if stops and low <= level:
                account.sell(i, account.shares, min(open_, level), why)
                order = None
            elif high >= target:
                account.sell(i, account.shares, max(open_, target), "take profit")
                order = None
            account.peak = max(account.peak, high)
        held = held + 1 if account.shares > 0 else 0
        highs = [*highs, high] if account.shares > 0 else []
        window = Values(bars.slice(0, i + 1))
        state = {**state, CASH_KEY: account.cash, EQUITY_KEY: account.cash + account.shares * close}
        evaluation = evaluate_last_bar(
            strategy, window, PositionView(account.shares, account.entry, float(held)), state
        )
        state = evaluation.state
        worth = account.cash + account.shares * close
        equity.append(worth)
        signal = evaluation.signal
        if signal is None:
            continue
        if signal.side == "buy":
            sizes = {
                "default": {
                    "EQUITY_FRACTION": worth * config.sizing_value * signal.confidence / close,
                    "FIXED_CASH": config.sizing_value / close,
                    "FIXED_QUANTITY": config.sizing_value,
                }[config.sizing_rule],
                "fraction": worth * signal.size / close,
                "quantity": signal.size,
                "notional": signal.size / close,
            }
            wanted = sizes[signal.size_kind]
            wanted = wanted if config.fractional else float(math.floor(wanted))
            order = ("buy", wanted) if wanted > 0 else None
        elif account.shares > 0:
            wanted = {"default": account.shares, "fraction": account.shares * signal.size}.get(
                signal.size_kind, signal.size
            )
            if not config.fractional:
                wanted = float(math.floor(wanted)) if wanted < account.shares else account.shares
            order = ("sell", wanted) if wanted > 0 else None
        else:
            order = None
    return account, equity
