"""Use cases of people's orders, keys, webhooks, limits and accounts: scopes, limits and what is told are decided here, whatever the door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from pydantic import SecretStr
from stratforge.application import accounts, api_keys, logins, operations, orders, risk, webhooks
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Changed, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from stratforge.application.logins import Origin
from stratforge.application.passwords import Credentials, LoginRequest, PasswordChange, Proof
from stratforge.portfolio.orders import TradingState
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.delivery.webhooks import EventKind
from stratforge.storage.postgres.database import Database

from tests.support.asking import NEW, Told

ORDER = orders.PlaceOrder(symbol="AAPL", side="buy", type="limit", quantity=Decimal(2), limit_price=Decimal(100))
PASSWORD = SecretStr("a long enough password")
CREDENTIALS = Credentials(email="grace@example.com", password=PASSWORD)
LOGIN = LoginRequest(email="grace@example.com", password=PASSWORD)
PROOF = Proof(password=PASSWORD)
HERE = Origin("192.0.2.1")
TERMS = accounts.Registration(Decimal(100_000))


def in_person(database: Database, caller: Caller) -> Caller:
    """The caller with a login that he has just begun with his password."""
    with database.transaction(caller.user_id) as connection:
        return replace(caller, login_id=logins.begin_login(connection, caller.user_id, HERE).login_id)


def dropped(keys: Sequence[str]) -> None:
    """What becomes of the files of who closes: here he has none."""
    assert not keys


@pytest.mark.parametrize(
    ("scope", "ask"),
    [
        (Scope.TRADE, lambda database, told, caller: orders.place_order(database, told, caller, ORDER, NEW)),
        (Scope.TRADE, lambda database, told, caller: orders.cancel_order(database, told, caller, uuid4())),
        (
            Scope.TRADE,
            lambda database, told, caller: orders.replace_order(
                database, told, caller, uuid4(), orders.OrderChange(), NEW
            ),
        ),
        (Scope.TRADE, lambda database, _told, caller: risk.set_limits(database, caller, RiskLimits())),
        (Scope.TRADE, lambda database, _told, caller: risk.choose_trading_state(database, caller, TradingState.HALTED)),
        (
            Scope.WRITE,
            lambda database, _told, caller: webhooks.create_webhook(
                database, caller, "https://example.com/hook", [EventKind.TRADE], NEW
            ),
        ),
        (Scope.WRITE, lambda database, _told, caller: webhooks.rotate_secret(database, caller, uuid4(), NEW)),
        (Scope.WRITE, lambda database, _told, caller: webhooks.delete_webhook(database, caller, uuid4())),
    ],
)
def test_a_key_without_the_scope_is_refused_and_nothing_is_told(
    database: Database, ada: Caller, outbox: Told, scope: Scope, ask: Callable[[Database, Told, Caller], object]
) -> None:
    key = replace(ada, scopes=frozenset(Scope) - {scope})
    with pytest.raises(Forbidden, match=scope.value):
        ask(database, outbox, key)
    assert outbox.messages == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda database, _told, caller: api_keys.create_key(
            database, caller, api_keys.NewApiKey(name="n", scopes=[Scope.READ], days=None), NEW
        ),
        lambda database, _told, caller: api_keys.revoke_key(database, caller, uuid4()),
        lambda database, told, caller: accounts.close_account(database, told, caller, PROOF, dropped),
        lambda database, told, caller: accounts.change_password(
            database, told, caller, PasswordChange(current_password=PASSWORD, new_password=PASSWORD), HERE
        ),
        lambda database, _told, caller: operations.set_platform_state(database, caller, TradingState.HALTED, "a drill"),
    ],
)
def test_a_key_with_every_scope_changes_no_credentials_and_operates_nothing(
    database: Database, ada: Caller, outbox: Told, ask: Callable[[Database, Told, Caller], object]
) -> None:
    with pytest.raises(Forbidden, match="Log in"):
        ask(database, outbox, replace(ada, scopes=frozenset(Scope)))


def test_an_order_wakes_the_executor_and_has_its_symbol_streamed(database: Database, ada: Caller, outbox: Told) -> None:
    placed = orders.place_order(database, outbox, ada, ORDER, NEW)
    assert (placed.status, placed.terms) == ("PENDING", ORDER.terms())
    assert outbox.messages == [("executor", "AAPL"), ("ingestor", "AAPL")]


def test_a_cancellation_is_asked_for_and_an_unknown_order_is_not_found(
    database: Database, ada: Caller, outbox: Told
) -> None:
    placed = orders.place_order(database, outbox, ada, ORDER, NEW)
    outbox.messages.clear()
    assert orders.cancel_order(database, outbox, ada, placed.order_id).cancel_requested
    assert outbox.messages == [("executor", "AAPL")]
    with pytest.raises(NotFound):
        orders.cancel_order(database, outbox, ada, uuid4())


def test_a_replacement_keeps_what_is_left_out_and_must_fit_the_type(
    database: Database, ada: Caller, outbox: Told
) -> None:
    placed = orders.place_order(database, outbox, ada, ORDER, NEW)
    change = orders.OrderChange(limit_price=Decimal(90))
    replaced = orders.replace_order(database, outbox, ada, placed.order_id, change, NEW)
    assert (replaced.limit_price, replaced.size, replaced.replaces_order_id) == (
        Decimal(90),
        Decimal(2),
        placed.order_id,
    )
    with pytest.raises(Invalid, match="stop_price"):
        orders.replace_order(database, outbox, ada, placed.order_id, orders.OrderChange(stop_price=Decimal(1)), NEW)


def test_limits_that_changed_meanwhile_are_not_overwritten(database: Database, ada: Caller) -> None:
    wanted = RiskLimits(max_position=Decimal("0.25"), cooldown_minutes=3)
    assert risk.set_limits(database, ada, wanted) == wanted
    with pytest.raises(Changed):
        risk.set_limits(database, ada, RiskLimits(), lambda current: current == RiskLimits())
    assert risk.set_limits(database, ada, wanted, lambda current: current == wanted) == wanted


def test_a_key_is_known_until_it_is_revoked(database: Database, ada: Caller) -> None:
    new = api_keys.NewApiKey(name="notebook", scopes=[Scope.TRADE, Scope.READ], days=30)
    made = api_keys.create_key(database, in_person(database, ada), new, NEW)
    assert api_keys.caller_of_key(database, made.key) == Caller(
        ada.user_id, frozenset({Scope.READ, Scope.TRADE}), key_id=made.key_id
    )
    api_keys.revoke_key(database, ada, made.key_id)
    assert api_keys.caller_of_key(database, made.key) is None
    with pytest.raises(NotFound):
        api_keys.revoke_key(database, ada, uuid4())


def test_there_are_twenty_webhooks_at_most(database: Database, ada: Caller) -> None:
    for number in range(20):
        webhooks.create_webhook(database, ada, f"https://example.com/{number}", [EventKind.TRADE], NEW)
    with pytest.raises(Conflict, match="20"):
        webhooks.create_webhook(database, ada, "https://example.com/more", [EventKind.TRADE], NEW)


def test_somebody_who_is_no_operator_finds_nothing_to_operate(database: Database, ada: Caller) -> None:
    for ask in (
        lambda: operations.set_platform_state(database, ada, TradingState.HALTED, "a drill"),
        lambda: operations.halt_symbol(database, ada, "AAPL", "a drill"),
        lambda: operations.resume_symbol(database, ada, "AAPL"),
        lambda: operations.buy_missing_units(database, ada, "AAPL", "a drill"),
        lambda: operations.accept_correction(database, ada, "sf-1", Decimal(1), Decimal(1), "a drill"),
        lambda: operations.redrive_queue(database, ada, lambda _queue: pytest.fail("asked for"), "bars"),
    ):
        with pytest.raises(NotFound, match="address"):
            ask()


def test_a_refresh_token_that_comes_after_its_successor_ends_the_login(database: Database) -> None:
    login = accounts.register(database, Told(), CREDENTIALS, HERE, TERMS)
    assert login is not None
    following = logins.refresh_login(database, login.refresh_token)
    assert following.login_id == login.login_id
    newest = logins.refresh_login(database, following.refresh_token)
    for token in (login.refresh_token, newest.refresh_token):
        with pytest.raises(Unauthenticated, match="Log in again"):
            logins.refresh_login(database, token)


def test_another_password_ends_every_login(database: Database) -> None:
    login = accounts.register(database, Told(), CREDENTIALS, HERE, TERMS)
    assert login is not None
    other = SecretStr("another long password")
    change = PasswordChange(current_password=PASSWORD, new_password=other)
    accounts.change_password(database, Told(), Caller(login.user_id), change, HERE)
    with pytest.raises(Unauthenticated):
        logins.refresh_login(database, login.refresh_token)
    with pytest.raises(Unauthenticated, match="wrong"):
        logins.log_in(database, LOGIN, HERE)
    entered = logins.log_in(database, LOGIN.model_copy(update={"password": other}), HERE)
    assert entered.user_id == login.user_id


def test_closing_an_account_has_the_executor_look_at_what_was_held(database: Database, outbox: Told) -> None:
    login = accounts.register(database, Told(), CREDENTIALS, HERE, TERMS)
    assert login is not None
    caller = Caller(login.user_id)
    orders.place_order(database, outbox, caller, ORDER, NEW)
    outbox.messages.clear()
    with pytest.raises(Forbidden, match="password"):
        accounts.close_account(database, outbox, caller, Proof(password=SecretStr("not the password")), dropped)
    accounts.close_account(database, outbox, caller, PROOF, dropped)
    assert outbox.messages == [("executor", "AAPL")]
    with pytest.raises(Unauthenticated):
        logins.log_in(database, LOGIN, HERE)
