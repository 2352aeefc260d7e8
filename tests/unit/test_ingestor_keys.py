"""The ingestor waits for keys that nobody entered yet, and starts anew for other ones."""

from __future__ import annotations

from stratforge.configuration import PLACEHOLDER, AlpacaSecret

from functions.ingestor.keys import AccountKeys


class Entered:
    """Keys as somebody enters them."""

    def __init__(self, *key_ids: str) -> None:
        self.left = list(key_ids)

    def now(self) -> AlpacaSecret:
        """The present keys."""
        return AlpacaSecret.model_validate({"key_id": self.left[0], "secret_key": "secret"})

    def after_refusal(self) -> AlpacaSecret:
        """The next keys."""
        self.left.pop(0)
        return self.now()


def test_the_service_lives_and_waits_until_keys_are_entered() -> None:
    beats: list[float] = []
    keys = AccountKeys(Entered(PLACEHOLDER, PLACEHOLDER, "PK1"))  # type: ignore[arg-type] # a stand-in
    secret = keys.wait(lambda: beats.append(1.0), lambda _seconds: False)
    assert secret is not None
    assert secret.key_id == "PK1"
    assert len(beats) == 2


def test_keys_that_are_there_are_not_waited_for() -> None:
    def never() -> None:
        raise AssertionError

    secret = AccountKeys(Entered("PK1")).wait(never, lambda _seconds: True)  # type: ignore[arg-type] # a stand-in
    assert secret is not None


def test_a_service_that_is_told_to_stop_waits_no_longer() -> None:
    assert AccountKeys(Entered(PLACEHOLDER)).wait(lambda: None, lambda _seconds: True) is None  # type: ignore[arg-type] # a stand-in


def test_other_keys_are_noticed() -> None:
    entered = Entered("PK1", "PK2")
    keys = AccountKeys(entered)  # type: ignore[arg-type] # a stand-in
    assert not keys.changed()
    entered.after_refusal()
    assert keys.changed()
