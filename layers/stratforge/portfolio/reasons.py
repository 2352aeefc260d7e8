"""Why an order or a signal was refused. The documentation lists this enum; the API shows it."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason for a refusal, with what it means."""

    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    NO_POSITION = "NO_POSITION"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    NO_PRICE = "NO_PRICE"
    USER_HALTED = "USER_HALTED"
    REDUCING_ONLY = "REDUCING_ONLY"
    SESSION_ENDED = "SESSION_ENDED"
    EXPIRED = "EXPIRED"
    BROKER_REJECTED = "BROKER_REJECTED"
    BROKER_CANCELED = "BROKER_CANCELED"

    @property
    def explanation(self) -> str:
        """One sentence for the person whose order it was."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    Reason.INSUFFICIENT_CASH: "There is not enough free cash for the order, price collar included.",
    Reason.NO_POSITION: "There is nothing to sell: the session holds no shares that are not already being sold.",
    Reason.BELOW_MINIMUM: "The order is smaller than the smallest the broker takes.",
    Reason.NO_PRICE: "There is no price for the symbol yet.",
    Reason.USER_HALTED: "Trading is halted for this account.",
    Reason.REDUCING_ONLY: "The account may only reduce positions at the moment.",
    Reason.SESSION_ENDED: "The session ended before the signal could be executed.",
    Reason.EXPIRED: "The signal was older than two bars when it could have been executed.",
    Reason.BROKER_REJECTED: "The broker rejected the block order this order was part of.",
    Reason.BROKER_CANCELED: "The broker canceled the block order before it was filled completely.",
}
