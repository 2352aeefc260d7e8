"""The reasons for which an order or a signal is refused, canceled or expired. The documentation lists this enum; the
API shows it."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason, with what it means in `explanation`."""

    # Money and quantity
    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    NO_POSITION = "NO_POSITION"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    SHORT_EQUITY = "SHORT_EQUITY"
    SHORT_SELLING_OFF = "SHORT_SELLING_OFF"
    MARGIN_CALL = "MARGIN_CALL"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    WHOLE_UNITS_ONLY = "WHOLE_UNITS_ONLY"
    SUB_PENNY_PRICE = "SUB_PENNY_PRICE"
    # The market and the asset
    NO_PRICE = "NO_PRICE"
    STALE_PRICE = "STALE_PRICE"
    UNKNOWN_ASSET = "UNKNOWN_ASSET"
    NOT_TRADABLE = "NOT_TRADABLE"
    SELL_ONLY = "SELL_ONLY"
    NOT_SHORTABLE = "NOT_SHORTABLE"
    MARKET_CLOSED = "MARKET_CLOSED"
    SYMBOL_HALTED = "SYMBOL_HALTED"
    EXCHANGE_HALT = "EXCHANGE_HALT"
    CORPORATE_ACTION = "CORPORATE_ACTION"
    # The platform's account at the broker
    PLATFORM_BUYING_POWER = "PLATFORM_BUYING_POWER"
    PLATFORM_CANNOT_BORROW = "PLATFORM_CANNOT_BORROW"
    BROKER_UNAVAILABLE = "BROKER_UNAVAILABLE"
    # Trading states and protections
    PLATFORM_HALTED = "PLATFORM_HALTED"
    USER_HALTED = "USER_HALTED"
    REDUCING_ONLY = "REDUCING_ONLY"
    MAX_POSITION = "MAX_POSITION"
    MAX_EXPOSURE = "MAX_EXPOSURE"
    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    ORDER_RATE = "ORDER_RATE"
    COOLDOWN = "COOLDOWN"
    PRICE_BAND = "PRICE_BAND"
    # The order's own life
    SESSION_PAUSED = "SESSION_PAUSED"
    SIGNALS_ONLY = "SIGNALS_ONLY"
    SESSION_ENDED = "SESSION_ENDED"
    EXPIRED = "EXPIRED"
    LATE_BAR = "LATE_BAR"
    POSITION_SOLD = "POSITION_SOLD"
    POSITION_GREW = "POSITION_GREW"
    CANCELED_BY_USER = "CANCELED_BY_USER"
    REPLACED = "REPLACED"
    NOT_REPLACEABLE = "NOT_REPLACEABLE"
    NET_BELOW_MINIMUM = "NET_BELOW_MINIMUM"
    BROKER_REJECTED = "BROKER_REJECTED"
    BROKER_CANCELED = "BROKER_CANCELED"

    @property
    def explanation(self) -> str:
        """Explanation for the user whose order it was: the meaning and a remedy."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    Reason.INSUFFICIENT_CASH: "There is not enough free cash for the order at the worst price it may trade at.",
    Reason.NO_POSITION: "There is nothing to sell, or to buy back, that no open order closes already.",
    Reason.INSUFFICIENT_MARGIN: "There is not enough free cash for the margin of a share: half of its price, and no less than it needs while it is held.",
    Reason.SHORT_EQUITY: "Nothing is sold short with an equity below 2,000 dollars.",
    Reason.SHORT_SELLING_OFF: "The account is long only; short selling can be enabled in its settings.",
    Reason.MARGIN_CALL: "The short position had less than the margin that it needs, and was bought back.",
    Reason.BELOW_MINIMUM: "The order is smaller than the smallest the broker takes for the asset.",
    Reason.WHOLE_UNITS_ONLY: "The asset trades in whole units only, or is sold short, which takes whole shares; and the order comes to less than one.",
    Reason.SUB_PENNY_PRICE: "The limit or stop price is finer than the exchange allows: whole cents from one dollar up.",
    Reason.NO_PRICE: "There is no price for the symbol yet.",
    Reason.STALE_PRICE: "The last price of the symbol is too old to trade on; try again when it trades.",
    Reason.UNKNOWN_ASSET: "The broker has no asset of this symbol.",
    Reason.NOT_TRADABLE: "The broker does not trade the asset at present.",
    Reason.SELL_ONLY: "The broker lets positions in the asset be sold, and sells no more of it.",
    Reason.NOT_SHORTABLE: "The broker does not lend the asset, or has it not always at hand; coins cannot be sold short.",
    Reason.PLATFORM_BUYING_POWER: "The platform's account at the broker cannot carry the order at present; your own money is not the reason. It waits.",
    Reason.PLATFORM_CANNOT_BORROW: "The platform's account at the broker has no more of it to sell, and cannot borrow it at present; your own position is not the reason. It waits.",
    Reason.BROKER_UNAVAILABLE: "The broker takes no orders of the platform at present; the order waits.",
    Reason.MARKET_CLOSED: "The market closed before the signal could be executed.",
    Reason.SYMBOL_HALTED: "Trading in the symbol is halted on this platform until it is looked into.",
    Reason.EXCHANGE_HALT: "The exchange has halted or paused the symbol, and a signal does not wait for it.",
    Reason.CORPORATE_ACTION: "A split or a change of symbol made the order's prices and quantities void; place it anew.",
    Reason.PLATFORM_HALTED: "Trading is halted on the whole platform.",
    Reason.USER_HALTED: "Trading is halted for this account.",
    Reason.REDUCING_ONLY: "Only orders that reduce positions are accepted at the moment.",
    Reason.MAX_POSITION: "The position in the symbol would become larger than your limit.",
    Reason.MAX_EXPOSURE: "All positions together would become larger than your limit.",
    Reason.DAILY_LOSS: "Today's loss has reached your limit: nothing is bought or sold short until the next trading day.",
    Reason.DRAWDOWN: "The fall from the highest equity has reached your limit: nothing is bought or sold short until it recovers.",
    Reason.ORDER_RATE: "More orders in a minute than your limit allows.",
    Reason.COOLDOWN: "A trade in the symbol just lost money, and your cooldown is not over.",
    Reason.PRICE_BAND: "The order's price is farther from the last price than your price band allows.",
    Reason.SESSION_PAUSED: "The session is paused: it watches, and what it says is not executed.",
    Reason.SIGNALS_ONLY: "The session runs in manual mode: it says what it would do, and the order is yours to place.",
    Reason.SESSION_ENDED: "The session ended before the signal could be executed.",
    Reason.EXPIRED: "It was not executed in time: a signal within two bars, one with a limit or a stop within the bars that its strategy gave it, a day order by the close.",
    Reason.LATE_BAR: "The bar came, or was seen, too late to trade on: it brought the strategy up to date, and nothing was ordered.",
    Reason.POSITION_SOLD: "The position that it was to add to was closed meanwhile, by a stop or a target or by hand, so it would have begun another.",
    Reason.POSITION_GREW: "An earlier order of the session was filled after the strategy had decided: it did not know yet of the position that it has.",
    Reason.CANCELED_BY_USER: "You canceled the order.",
    Reason.REPLACED: "The order was replaced by another one.",
    Reason.NOT_REPLACEABLE: "The order it should replace was already at work or finished.",
    Reason.NET_BELOW_MINIMUM: "What was left of the order was smaller than the broker takes.",
    Reason.BROKER_REJECTED: "The broker rejected the block order this order was part of.",
    Reason.BROKER_CANCELED: "The broker's order ended before it was filled completely.",
}


def reference_markdown() -> str:
    """The enum as the documentation shows it."""
    lines = [
        "# Why an order was refused or ended",
        "",
        "Generated from `stratforge.portfolio.reasons.Reason`; the same codes and words are in the API and the dashboard.",
        "",
        "| code | what it means |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| `{reason}` | {reason.explanation} |" for reason in Reason)]) + "\n"


def explanation_of(reason: str | None) -> str | None:
    """The sentence that a stored reason stands for; None for no reason, or one that this enum does not know."""
    return Reason[reason].explanation if reason is not None and reason in Reason.__members__ else None
