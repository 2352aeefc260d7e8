"""Errors of a request to a language model."""


class ModelUnavailable(RuntimeError):
    """The model did not answer; asking again later may help."""


class ModelRefused(RuntimeError):
    """The model answered, but not with what was asked for; the message says why."""


class NotADraft(RuntimeError):
    """The model answered with something that is no strategy draft: cut off, or not JSON by the schema. Asking again may help."""

    def __init__(self, reason: str, text: str, tokens: int) -> None:
        super().__init__(f"the answer was not a strategy ({reason})")
        self.text, self.tokens = text, tokens
