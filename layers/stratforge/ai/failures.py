"""Errors of a request to a language model."""


class ModelUnavailable(RuntimeError):
    """The model did not answer; asking again later may help.

    Attributes:
        after: Seconds after which the service says that it may be asked again; 0 where it says nothing.
    """

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class ModelRefused(RuntimeError):
    """The model answered, but not with what was asked for; the message says why."""


class ModelMissing(ModelRefused):
    """The service has no such model, or has it no more."""


class NotADraft(RuntimeError):
    """The model answered with something that is no strategy draft: cut off, or not JSON by the schema. Asking again may help."""

    def __init__(self, reason: str, text: str, tokens: int) -> None:
        super().__init__(f"the answer was not a strategy ({reason})")
        self.text, self.tokens = text, tokens
