"""Errors with which use cases refuse a request. The API answers with a problem document, a page with a notice."""

from __future__ import annotations

from typing import Any, TypeVar

Thing = TypeVar("Thing")


class Refusal(Exception):
    """Something that was asked for and is not done.

    Attributes:
        code: Names the reason, stable for programs.
        message: Says what is wrong and what to do, for people.
        details: What else a program may want to know, as JSON values.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.details = details


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: whoever asks cannot tell which."""

    code = "not-found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


def existing(found: Thing | None, what: str) -> Thing:
    """Gives back what was looked up.

    Raises:
        NotFound: if nothing was found; `what` names it for the person who asked.
    """
    if found is None:
        raise NotFound(what)
    return found


class Unauthenticated(Refusal):
    """It is not known who asks: a password is wrong, or a login has ended."""

    code = "unauthorized"


class Forbidden(Refusal):
    """Whoever asks may not do this: an API key lacks the scope, or only a person who logged in may."""

    code = "forbidden"


class Conflict(Refusal):
    """The thing is not in a state in which this can be done."""

    code = "conflict"


class Changed(Refusal):
    """The thing has changed since the version that the request was based on."""

    code = "changed-meanwhile"

    def __init__(self) -> None:
        super().__init__("It was changed meanwhile. Read it again, then repeat the change.")


class Invalid(Refusal):
    """The request contradicts itself, or what it refers to."""

    code = "validation"


class LimitReached(Refusal):
    """More was asked for than is allowed in a time.

    Attributes:
        retry_after: Seconds until it is worth asking again.
    """

    code = "quota"

    def __init__(self, message: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
