"""Events in words: what is said, with the reason, and what nobody needs to be told of."""

from __future__ import annotations

from typing import Any

import pytest
from stratforge.application.notices import Tone, notice_of
from stratforge.portfolio.reasons import Reason

ORDER = {"order_id": "o", "symbol": "AAPL", "side": "buy", "origin": "SIGNAL", "status": "FILLED", "reason": None}
TRADE = {"trade_id": 7, "symbol": "AAPL", "side": "sell", "quantity": "10", "price": "592.1", "realized_pnl": "-12.5"}
JOB = {"job_id": "j", "kind": "BACKTEST", "status": "SUCCEEDED", "progress": None}
SESSION = {"session_id": "s", "symbol": "AAPL", "status": "STOPPED", "failure_reason": None, "final_pnl": "-3.5"}


@pytest.mark.parametrize(
    ("kind", "data", "text", "tone"),
    [
        ("trade", TRADE, "Sold 10 AAPL at 592.10: -$12.50", Tone.BAD),
        ("trade", TRADE | {"realized_pnl": "1234.5"}, "Sold 10 AAPL at 592.10: +$1,234.50", Tone.GOOD),
        (
            "trade",
            TRADE | {"side": "buy", "quantity": "0.12346", "price": "0.00021"},
            "Bought 0.12346 AAPL at 0.00021",
            Tone.PLAIN,
        ),
        (
            "trade",
            TRADE | {"side": "buy", "symbol": "BTC/USD", "quantity": "0.00004", "price": "60000"},
            "Bought 0.00004 BTC/USD at 60,000.00",
            Tone.PLAIN,
        ),
        (
            "trade",
            TRADE | {"side": "buy", "symbol": "GOOG", "quantity": "25.625475566", "price": "652.1"},
            "Bought 25.6255 GOOG at 652.10",
            Tone.PLAIN,
        ),
        ("trade", TRADE | {"price": "12.345"}, "Sold 10 AAPL at 12.345: -$12.50", Tone.BAD),
        ("trade", TRADE | {"realized_pnl": "-0.001"}, "Sold 10 AAPL at 592.10: -$0.001", Tone.BAD),
        ("order", ORDER | {"origin": "STOP_LOSS", "side": "sell"}, "The stop loss sold AAPL", Tone.PLAIN),
        (
            "alert",
            {"symbol": "SHIB/USD", "condition": "above", "level": "0.000012", "price": "0.00001234", "note": None},
            "SHIB/USD is above 0.000012: it traded at 0.00001234",
            Tone.PLAIN,
        ),
        (
            "alert",
            {"symbol": "PEPE/USD", "condition": "change", "reference": "0.00001", "price": "0.0000105", "note": ""},
            "PEPE/USD moved +5.0 % from 0.00001 to 0.0000105",
            Tone.PLAIN,
        ),
        ("session", SESSION | {"final_pnl": "-0.001"}, "The AAPL session ended with -0.001 dollars", Tone.PLAIN),
        ("trade", TRADE | {"short": True, "realized_pnl": "0"}, "Sold short 10 AAPL at 592.10", Tone.PLAIN),
        ("trade", TRADE | {"side": "buy", "short": True}, "Covered 10 AAPL at 592.10: -$12.50", Tone.BAD),
        (
            "trade",
            TRADE | {"side": "buy", "short": True, "realized_pnl": "3"},
            "Covered 10 AAPL at 592.10: +$3.00",
            Tone.GOOD,
        ),
        ("order", ORDER | {"origin": "STOP_LOSS", "short": True}, "The stop loss covered AAPL", Tone.PLAIN),
        ("order", ORDER | {"origin": "MARGIN_CALL", "short": True}, "The margin call covered AAPL", Tone.BAD),
        ("order", ORDER | {"origin": "BUY_IN", "short": True}, "The buy-in covered AAPL", Tone.BAD),
        (
            "order",
            ORDER | {"status": "REJECTED", "side": "sell", "short": True, "reason": "INSUFFICIENT_MARGIN"},
            f"The short sale of AAPL was rejected: {Reason.INSUFFICIENT_MARGIN.explanation}",
            Tone.BAD,
        ),
        ("order", ORDER | {"status": "EXPIRED", "short": True}, "The cover of AAPL expired", Tone.PLAIN),
        (
            "order",
            ORDER | {"status": "REJECTED", "reason": "INSUFFICIENT_CASH"},
            f"The purchase of AAPL was rejected: {Reason.INSUFFICIENT_CASH.explanation}",
            Tone.BAD,
        ),
        ("order", ORDER | {"status": "EXPIRED", "side": "sell"}, "The sale of AAPL expired", Tone.PLAIN),
        (
            "session",
            SESSION | {"status": "FAILED", "failure_reason": "too slow"},
            "The AAPL session failed: too slow",
            Tone.BAD,
        ),
        ("session", SESSION, "The AAPL session ended with -3.50 dollars", Tone.PLAIN),
        ("session", SESSION | {"missed_bars": 1}, "The AAPL session missed 1 bar; it sees them afterwards", Tone.BAD),
        ("job", JOB, "The backtest is ready", Tone.GOOD),
        ("job", JOB | {"kind": "GENERATE", "status": "FAILED"}, "The answer to your description failed", Tone.BAD),
        ("halt", {"symbol": "AAPL", "halted": True, "reason": "OPERATOR"}, "AAPL is halted: operator", Tone.BAD),
        ("platform", {"trading_state": "REDUCING", "reason": "x"}, "The platform only closes positions", Tone.BAD),
    ],
)
def test_an_event_is_said_with_its_reason(kind: str, data: dict[str, Any], text: str, tone: Tone) -> None:
    said = notice_of(kind, data)
    assert said is not None
    assert said[:2] == (text, tone)


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("trade", TRADE, "Average cross: sold 10 AAPL at 592.10: -$12.50"),
        ("order", ORDER | {"origin": "STOP_LOSS", "side": "sell"}, "Average cross: the stop loss sold AAPL"),
        ("session", SESSION, "Average cross on AAPL ended with -3.50 dollars"),
        ("job", JOB, "The backtest of Average cross is ready"),
        ("job", JOB | {"kind": "REPLAY", "status": "FAILED"}, "The replay of Average cross failed"),
        ("job", JOB | {"kind": "GENERATE"}, "The answer about Average cross is ready"),
        ("halt", {"symbol": "AAPL", "halted": False, "reason": None}, "AAPL trades again"),
    ],
)
def test_what_a_strategy_did_is_said_with_its_name(kind: str, data: dict[str, Any], text: str) -> None:
    said = notice_of(kind, data, "Average cross")
    assert said is not None
    assert said[0] == text


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("order", ORDER),
        ("order", ORDER | {"status": "WORKING"}),
        ("session", SESSION | {"status": "RUNNING"}),
        ("signal", {}),
        ("job", JOB | {"status": "RUNNING"}),
        ("job", JOB | {"status": "CANCELED"}),
    ],
)
def test_what_is_on_its_way_is_no_notice(kind: str, data: dict[str, Any]) -> None:
    assert notice_of(kind, data) is None
