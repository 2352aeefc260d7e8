"""The broker: a narrow port, and Alpaca behind it."""

from stratforge.broker.port import (
    Accepted,
    AccountState,
    Broker,
    BrokerBusy,
    BrokerOrder,
    BrokerRefusesPlatform,
    BrokerStatement,
    BrokerUnavailable,
    FillActivity,
    OrdersRead,
    Rejected,
    RequestBudget,
    Submission,
    Unknown,
)
from stratforge.broker.refusals import RULES, Refusal

__all__ = [
    "Accepted",
    "AccountState",
    "Broker",
    "BrokerBusy",
    "BrokerOrder",
    "BrokerRefusesPlatform",
    "BrokerStatement",
    "BrokerUnavailable",
    "FillActivity",
    "OrdersRead",
    "RULES",
    "Refusal",
    "Rejected",
    "RequestBudget",
    "Submission",
    "Unknown",
]
