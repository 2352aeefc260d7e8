"""A preview of code that is being written: cheap whatever the code is."""

from __future__ import annotations

import pytest
from stratforge.application import preview as previews
from stratforge.application.access import Caller
from stratforge.application.quotas import Quota
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

CHEAP = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n    return sell()\n"


def looping(lines: int, turns: int) -> str:
    """Code that is allowed and dear."""
    body = "".join(f"        x = x * 1.0000001 + {line}.5\n" for line in range(lines))
    return (
        f"def on_bar(bar, position, state):\n    x = bar.close\n    for i in range({turns}):\n{body}"
        "    if x > 0 and position.quantity == 0:\n        return buy()\n"
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As many bars as were asked for, each time."""
    found: list[int] = []

    def bars_between(_connection: object, _symbol: str, _start: object, _end: object, limit: int) -> object:
        found.append(limit)
        return _random_history(1, limit, 0.001, 100.0)

    monkeypatch.setattr(market_data, "bars_between", bars_between)
    return found


def test_dear_code_is_previewed_on_fewer_bars(database: Database, ada: Caller, asked: list[int]) -> None:
    for code in (CHEAP, looping(1, 1_000), looping(10, 1_000), looping(30, 1_000)):
        strategy = compile_strategy(code)
        shown = previews.preview(database, ada, strategy, "AAPL")
        assert shown is not None
        assert strategy.backtest_nanoseconds(shown.bars) <= 300_000_000
    assert asked == sorted(asked, reverse=True)
    assert (asked[0], asked[-1]) == (1_950, 60)


def test_whoever_previews_too_often_is_shown_no_figures_for_a_while(
    database: Database, ada: Caller, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "PREVIEWS", Quota("previews", 4, 3600))
    strategy = compile_strategy(CHEAP)
    seen = [previews.preview(database, ada, strategy, "AAPL") is not None for _ in range(4)]
    assert seen == [True, True, False, False]
    assert len(asked) == 2, "nor are bars read"
