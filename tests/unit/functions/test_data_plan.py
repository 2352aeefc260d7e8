"""What is subscribed to under the limits of a data plan."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stratforge.storage.strategies.evaluations import Need

from functions.ingestor.data_plan import channels

NEEDS = st.dictionaries(st.text("ABCDE", min_size=1, max_size=3), st.sampled_from(list(Need)), max_size=40)
LIMITS = st.none() | st.integers(0, 60)


@given(NEEDS, LIMITS)
def test_bars_come_of_every_symbol_and_the_limit_is_kept(needs: dict[str, Need], limit: int | None) -> None:
    chosen = channels(needs, limit)
    assert chosen.bars == set(needs)
    assert limit is None or len(chosen.trades) + len(chosen.quotes) <= limit


@given(NEEDS, LIMITS)
def test_no_symbol_gets_trades_before_one_that_needs_them_more(needs: dict[str, Need], limit: int | None) -> None:
    chosen = channels(needs, limit)
    without = [needs[each] for each in needs if each not in chosen.trades]
    assert all(need <= needs[each] for need in without for each in chosen.trades)


@given(NEEDS, LIMITS)
def test_who_waits_for_a_price_and_gets_no_trades_is_said(needs: dict[str, Need], limit: int | None) -> None:
    chosen = channels(needs, limit)
    waiting = {each for each, need in needs.items() if need >= Need.RESTS}
    assert waiting - chosen.trades <= set(chosen.without)
    assert not set(chosen.without) & chosen.trades


def test_symbols_without_a_need_get_bars_only() -> None:
    chosen = channels({"A": Need.BARS, "B": Need.RESTS, "C": Need.RUNS}, None)
    assert chosen.trades == chosen.quotes == frozenset("BC")
    assert chosen.without == ()


def test_on_the_free_plan_resting_orders_are_served_first() -> None:
    needs = {f"R{n:02}": Need.RUNS for n in range(40)} | {f"S{n:02}": Need.RESTS for n in range(29)} | {"W": Need.WORKS}
    chosen = channels(needs, 30)
    assert chosen.trades == {each for each in needs if not each.startswith("R")}
    assert chosen.quotes == set()
    assert len(chosen.without) == 40


def test_who_rests_many_orders_takes_nobodys_channel() -> None:
    needs = {f"A{n:02}": Need.RESTS for n in range(40)} | {"Z": Need.RESTS}
    weights = dict.fromkeys(needs, 1 / 40) | {"Z": 1.0}
    assert "Z" in channels(needs, 30, weights).trades
    assert "Z" not in channels(needs, 30).trades
