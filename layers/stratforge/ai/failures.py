"""How asking a model can fail."""


class ModelUnavailable(RuntimeError):
    """The model did not answer; asking again later may help."""


class ModelRefused(RuntimeError):
    """The model answered, but not with what was asked for; the message says why."""
