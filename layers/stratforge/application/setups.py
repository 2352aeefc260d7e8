"""The setup that backtests and sessions of a strategy have in common, and its differences: what is backtested is what runs, or it is told what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from stratforge.market.sizes import SizingRule
from stratforge.storage.strategies.backtests import StoredBacktest
from stratforge.storage.strategies.sessions import SessionMode, StoredSession

# The fields of a backtest's configuration that say the size together.
SIZES = ("sizing_rule", "sizing_value")


@dataclass(frozen=True, slots=True)
class Setup:
    """The choices for a strategy before it is tested or run.

    Attributes:
        version: The version of the strategy.
        mode: Whether its signals become orders; those of a backtest do.
        values: Values of constants in place of the version's own, which only a backtest can have.
        sizing_value: By the rule a fraction of equity, dollars, or a quantity.
        stop_loss: Fraction below the average entry price at which is sold; None for no stop. Likewise the other two, as a session has them.
    """

    version: int
    symbol: str
    sizing_rule: SizingRule
    sizing_value: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_stop: Decimal | None
    mode: SessionMode = SessionMode.PAPER
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the setup that a session has otherwise than its backtest, and both in words."""

    name: str
    tested: str
    run: str


def tested_setup(backtest: StoredBacktest) -> Setup:
    """The setup that a backtest was made with."""
    config = backtest.config
    loss, gain, trail = (
        None if config.get(name) is None else Decimal(str(config[name]))
        for name in ("stop_loss", "take_profit", "trailing_stop")
    )
    size = size_of(config)
    return Setup(backtest.strategy_version, backtest.symbol, *size, loss, gain, trail, values=backtest.parameters)


def size_of(config: Mapping[str, Any]) -> tuple[SizingRule, Decimal]:
    """The size of a purchase in a backtest's configuration; all equity where it says none."""
    rule, value = (config.get(name) for name in SIZES)
    return SizingRule(rule or SizingRule.EQUITY_FRACTION), Decimal(1 if value is None else str(value))


def running_setup(session: StoredSession) -> Setup:
    """The setup that a session has now: its stops can be changed while it runs."""
    return Setup(
        session.strategy_version,
        session.symbol,
        session.sizing_rule,
        session.sizing_value,
        session.stop_loss,
        session.take_profit,
        session.trailing_stop,
        session.mode,
    )


def differences(backtest: StoredBacktest, run: Setup) -> list[Difference]:
    """In what a setup differs from that of a backtest."""
    tested = _words(tested_setup(backtest))
    return [Difference(name, tested[name], value) for name, value in _words(run).items() if tested[name] != value]


def assumed(backtest: StoredBacktest) -> str:
    """The assumptions of a backtest about the market, in words: its costs, and how much of an order is filled. No session has these."""
    forms = {
        "slippage_bps": "{:.12g} bps of slippage",
        "spread_bps": "a spread of {:.12g} bps",
        "commission_bps": "a commission of {:.12g} bps",
        "commission_per_share": "a commission of ${:.12g} a share or coin",
        "commission_per_order": "a commission of ${:.12g} an order",
    }
    costs = [form.format(value) for name, form in forms.items() if (value := backtest.config.get(name))]
    said = costs or ["no costs"]
    if part := backtest.config.get("participation"):
        said.append(f"fills of at most {part * 100:.12g} % of a bar’s volume")
    if backtest.config.get("fractional") is False:
        said.append("whole units only")
    return ", ".join(said)


def size_in_words(rule: SizingRule, value: Decimal) -> str:
    """The size of a purchase for which a strategy gives none, as people say it: 10 % of equity."""
    match rule:
        case SizingRule.EQUITY_FRACTION:
            return f"{float(value) * 100:.12g} % of equity"
        case SizingRule.FIXED_CASH:
            return f"${float(value):,.12g}"
        case SizingRule.FIXED_QUANTITY:
            return f"{float(value):,.12g} shares or coins"


def _words(setup: Setup) -> dict[str, str]:
    stops = {"stop loss": setup.stop_loss, "take profit": setup.take_profit, "trailing stop": setup.trailing_stop}
    said = {name: "none" if each is None else f"{float(each) * 100:.12g} %" for name, each in stops.items()}
    return {
        "version": str(setup.version),
        "values": ", ".join(f"{name} = {value:.12g}" for name, value in setup.values.items()) or "the version’s own",
        "symbol": setup.symbol,
        "mode": "signals only" if setup.mode is SessionMode.MANUAL else "paper orders",
        "size": size_in_words(setup.sizing_rule, setup.sizing_value),
        **said,
    }
