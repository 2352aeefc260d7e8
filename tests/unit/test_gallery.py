"""The gallery's figures are the engine's, and the losers are shown."""

from __future__ import annotations

import pytest
from stratforge.application.gallery import Gallery, gallery
from stratforge.strategy import compile_strategy

from tests.benchmarks.gallery import daily_bars, figures_of


@pytest.fixture(scope="module")
def shown() -> Gallery:
    """The gallery."""
    return gallery()


def test_the_figures_are_what_the_engine_makes_of_the_code(shown: Gallery) -> None:
    bars = daily_bars("MSFT")
    for each in shown.strategies:
        (stored,) = (result for result in each.results if result.symbol == "MSFT")
        made, _ = figures_of(each.code, "MSFT", bars)
        assert made == {name: getattr(stored, name) for name in made}, each.key


def test_each_of_at_least_twenty_could_run_as_a_session(shown: Gallery) -> None:
    assert len(shown.strategies) > 20
    assert len({each.key for each in shown.strategies}) == len(shown.strategies)
    for each in shown.strategies:
        assert compile_strategy(each.code).lookback > 0


def test_what_lost_is_not_left_out_and_not_called_a_winner(shown: Gallery) -> None:
    assert shown.lost_somewhere > len(shown.strategies) // 3
    for each in shown.strategies:
        assert each.lost == len([result for result in each.results if result.annual_return < 0])
    assert [each.sharpe for each in shown.strategies] == sorted(
        (each.sharpe for each in shown.strategies), reverse=True
    )
