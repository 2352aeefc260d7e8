"""The broker: a narrow port, and Alpaca behind it."""

from stratforge.broker.port import (
    Accepted,
    Broker,
    BrokerBusy,
    BrokerOrder,
    BrokerRefusesPlatform,
    BrokerStatement,
    BrokerUnavailable,
    FillActivity,
    Rejected,
    RequestBudget,
    Submission,
    Unknown,
)

__all__ = [
    "Accepted",
    "Broker",
    "BrokerBusy",
    "BrokerOrder",
    "BrokerRefusesPlatform",
    "BrokerStatement",
    "BrokerUnavailable",
    "FillActivity",
    "Rejected",
    "RequestBudget",
    "Submission",
    "Unknown",
]
