"""What is run after each deployment, run against the local platform."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from local_platform.deployment import client as client_of
from local_platform.platform import Platform
from stratforge.bus.names import bars_topic_name
from stratforge.client import Client

from infra_cdk.smoke import SmokeFailed, trade


def test_one_share_is_bought_sold_and_read_back(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("smoke@example.com", "a long enough password")
    done = trade(client, ({"symbol": "AAPL", "quantity": "1"},), seconds=240)
    assert done.quantity == 1
    assert min(done.bought_at, done.sold_at) > 0
    # An order may be filled in parts, and each part is a trade.
    traded: dict[str, Decimal] = defaultdict(Decimal)
    for each in client.items("/api/trades"):
        traded[each["side"]] += Decimal(each["quantity"])
    assert traded == {"buy": 1, "sell": 1}


def test_a_platform_that_fills_nothing_fails_the_deployment(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("smoke2@example.com", "a long enough password")
    with pytest.raises(SmokeFailed, match=r"nothing was filled|REJECTED|is not taken"):
        trade(client, ({"symbol": "NOSUCH", "quantity": "1"},), seconds=5)


def test_topics_that_the_deployment_makes_keep_order_as_those_that_come_later_do(platform: Platform) -> None:
    """Shards of a bar are published together, and each is evaluated beside the others: their groups must not get lost."""
    sns = client_of("sns", platform.engine_address)
    for symbol in ("AAPL", "IBM"):
        attributes = sns.get_topic_attributes(
            TopicArn=f"arn:aws:sns:us-east-1:000000000000:{bars_topic_name('local', symbol)}"
        )["Attributes"]
        assert attributes["FifoTopic"] == "true", symbol
