"""How passwords are kept; who may set which is tested with the API, which hashes them quickly there."""

from __future__ import annotations

from pydantic import SecretStr
from stratforge.application.passwords import fits, hash_password


def test_a_password_is_kept_as_argon2id_at_owasps_price_and_never_twice_the_same() -> None:
    password = SecretStr("a long enough password")
    kept, again = hash_password(password), hash_password(password)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != again
    assert fits(password, kept)
    assert not fits(SecretStr("a long enough passwort"), kept)
