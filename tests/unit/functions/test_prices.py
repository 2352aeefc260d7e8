"""What of the tape becomes a price, a quote or a state, and that it is told once a second at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.bus.messages import MarketUpdate
from stratforge.market import Bar, Quote, Trade
from stratforge.portfolio.orders import ExchangeState

from functions.ingestor.prices import PriceBook, Print

OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def at(second: float) -> datetime:
    """A moment."""
    return OPEN + timedelta(seconds=second)


def printed(second: float, price: str, number: int = 0, conditions: str = "@", tape: str = "C") -> Print:
    """A print."""
    return Print(
        Trade("AAPL", Decimal(price), Decimal(100), at(second)), number or int(second), tuple(conditions), tape
    )


@pytest.fixture
def book() -> PriceBook:
    """An empty book."""
    return PriceBook()


def the_news(book: PriceBook) -> MarketUpdate:
    """The one piece of news."""
    (update,) = book.news()
    return update


def test_of_many_prints_the_last_is_told_and_nothing_twice(book: PriceBook) -> None:
    for second, price in ((1, "100"), (3, "102"), (2, "101")):
        book.print(printed(second, price))
    assert the_news(book).price == 102
    assert book.news() == []


def test_an_odd_lot_far_away_moves_no_price(book: PriceBook) -> None:
    book.print(printed(1, "100"))
    book.print(printed(2, "50", conditions="@I"))
    book.print(printed(3, "49", conditions="@T"))
    assert the_news(book).price == 100


def test_prints_and_quotes_go_in_one_message(book: PriceBook) -> None:
    book.print(printed(1, "100"))
    book.quote(Quote("AAPL", Decimal("99.98"), Decimal("100.02"), at(2)))
    update = the_news(book)
    assert update.trade() == Trade("AAPL", Decimal(100), Decimal(100), at(1))
    assert update.quote() == Quote("AAPL", Decimal("99.98"), Decimal("100.02"), at(2))


@pytest.mark.parametrize(("bid", "ask"), [("0", "100"), ("100", "0"), ("101", "100")])
def test_half_a_quote_or_a_crossed_one_is_no_market(book: PriceBook, bid: str, ask: str) -> None:
    book.quote(Quote("AAPL", Decimal(bid), Decimal(ask), at(1)))
    assert book.news() == []


def test_a_canceled_print_that_was_told_gives_way_to_the_one_before(book: PriceBook) -> None:
    book.print(printed(1, "100", 7))
    book.news()
    book.print(printed(2, "50", 8))
    book.news()
    book.take_back("AAPL", 8, Decimal(50), None)
    update = the_news(book)
    assert (update.price, update.time, update.voided_at) == (Decimal(100), at(1), at(2))


def test_a_canceled_print_that_was_not_told_yet_is_never_told(book: PriceBook) -> None:
    book.print(printed(1, "100", 7))
    book.print(printed(2, "50", 8))
    book.take_back("AAPL", 8, Decimal(50), None)
    assert the_news(book).price == 100


def test_a_corrected_print_counts_with_its_right_price(book: PriceBook) -> None:
    book.print(printed(2, "50", 8))
    book.news()
    book.take_back("AAPL", 8, Decimal(50), printed(9, "100", 9))
    update = the_news(book)
    assert (update.price, update.time, update.voided_at) == (Decimal(100), at(2), at(2))


def test_a_print_that_others_have_followed_is_taken_back_without_a_word(book: PriceBook) -> None:
    book.print(printed(1, "50", 7))
    book.print(printed(2, "100", 8))
    book.news()
    book.take_back("AAPL", 7, Decimal(50), None)
    assert book.news() == []


def test_a_halt_is_told_and_ends_with_the_exchanges_word(book: PriceBook) -> None:
    book.status("AAPL", "H", "T1", "C", at(1))
    assert the_news(book).exchange_state == "HALTED"
    book.status("AAPL", "Q", "T3", "C", at(2))
    assert book.news() == []
    book.status("AAPL", "T", "T3", "C", at(3))
    assert the_news(book).exchange_state == "TRADING"


def test_a_halt_whose_end_nobody_heard_ends_with_the_next_print(book: PriceBook) -> None:
    book.status("AAPL", "P", "LUDP", "C", at(10))
    assert the_news(book).exchange_state == "PAUSED"
    book.print(printed(10.5, "100"))
    assert the_news(book).exchange_state is None, "a print that was under way"
    book.print(printed(400, "101"))
    assert the_news(book).exchange_state == "TRADING"


def test_a_halt_that_an_earlier_run_heard_of_ends_with_a_bar() -> None:
    book = PriceBook({"AAPL": ExchangeState.HALTED})
    book.bar(Bar("AAPL", at(60), *[Decimal(1)] * 5))
    assert the_news(book).exchange_state == "TRADING"


def test_a_price_within_the_exchanges_bands_says_so(book: PriceBook) -> None:
    book.bands("AAPL", Decimal(95), Decimal(105), at(0))
    book.print(printed(1, "104"))
    assert the_news(book).within_bands
    book.print(printed(2, "106"))
    assert not the_news(book).within_bands
    book.print(printed(900, "100"))
    assert not the_news(book).within_bands, "bands that are fifteen minutes old"
