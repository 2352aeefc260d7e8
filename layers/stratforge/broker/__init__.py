"""The broker: a narrow port, and Alpaca behind it."""

from stratforge.broker.port import Accepted, Broker, BrokerOrder, Rejected, Submission, Unknown

__all__ = ["Accepted", "Broker", "BrokerOrder", "Rejected", "Submission", "Unknown"]
