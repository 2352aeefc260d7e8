"""The whole platform with its bars on one Kinesis stream, chosen by one setting of the deployment: the books agree as they do over topics."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_platform.deployment import client
from local_platform.platform import Options, Platform

from tests.conftest import ASSEMBLIES
from tests.support.patience import patient_clients
from tests.support.trading import Traders, assert_clean

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def streaming(state_folder: Path) -> Iterator[Platform]:
    """A platform whose bars come by the stream."""
    found = Platform(
        Options(state_folder / "streaming", speed=60.0, fresh=True, assemblies=ASSEMBLIES, bars="stream"),
        lambda text: print(text),
    )
    try:
        found.start()
        with patient_clients():
            yield found
    finally:
        found.stop()


def test_bars_come_by_the_stream_whatever_is_doubled_lost_or_killed(streaming: Platform) -> None:
    traders = Traders(streaming, "stream")
    traders.trade(5)
    streaming.simulator("faults", {"duplicate_bar": 0.3, "lose_bar": 0.2, "correct_bar": 0.2, "partial_fill": 0.3})
    traders.trade(5)
    os.kill(streaming.process("ingestor").pid, signal.SIGKILL)
    traders.trade(10, 150)
    streaming.simulator("faults", {"duplicate_bar": 0.0, "lose_bar": 0.0, "correct_bar": 0.0, "partial_fill": 0.0})
    assert_clean(traders.stop())
    # None came another way.
    topics = client("sns", streaming.engine_address).list_topics()["Topics"]
    assert not [each for each in topics if "-bars-" in each["TopicArn"]]
