"""Errors that stop the platform from coming up, each with one line that says what to do."""


class StartError(RuntimeError):
    """The platform cannot come up; the message is one line for a person."""
