"""The caller of a use case, and the scopes that decide what the caller may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from stratforge.application.errors import Forbidden


class Scope(StrEnum):
    """The permissions an API key can be given. A login has all of them."""

    READ = "read"
    WRITE = "write"
    TRADE = "trade"
    AI = "ai"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user on whose behalf a use case runs, and how that user was authenticated.

    Attributes:
        user_id: Whose rows are seen and changed.
        scopes: What the API key he came with allows, or he allowed the program that came; None for somebody who logged in, who may do everything.
        login_id: The login, for somebody who logged in, and for a program that he allowed.
        key_id: The API key, for a program that came with one.
    """

    user_id: UUID
    scopes: frozenset[Scope] | None = None
    login_id: str | None = None
    key_id: UUID | None = None

    def may(self, scope: Scope) -> bool:
        """Returns whether the caller has the scope."""
        return self.scopes is None or scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Checks that the caller has the scope.

        Raises:
            Forbidden: if he came with a key that lacks the scope.
        """
        if not self.may(scope):
            raise Forbidden(f"This access lacks the scope {scope.value!r}.", code="scope", scope=scope.value)

    def require_login(self) -> None:
        """Checks that the caller is a person who logged in, not a program.

        Raises:
            Forbidden: if he came with an API key, or a program acts for him; credentials and the account are changed by people only.
        """
        if self.scopes is not None:
            raise Forbidden("A program cannot do this. Log in.", code="login-required")
