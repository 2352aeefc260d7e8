"""Ports that two platforms never share."""

from __future__ import annotations

import socket

import pytest
from local_platform.failures import StartError
from local_platform.ports import Ports, listening


def test_ports_of_two_platforms_differ_before_anybody_listens() -> None:
    one, two = Ports(), Ports()
    taken = [ports.any() for ports in (one, two) for _ in range(20)]
    assert len(set(taken)) == 40
    one.close()
    two.close()


def test_a_process_can_listen_on_a_port_that_is_held_for_it() -> None:
    ports = Ports()
    port = ports.any()
    with socket.create_server(("127.0.0.1", port)):
        assert listening(port)
    ports.close()


def test_a_port_somebody_listens_on_is_refused_with_what_to_do() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(StartError, match="choose another with --port"),
    ):
        Ports().exactly(server.getsockname()[1])


def test_a_port_that_another_platform_holds_is_refused_and_then_given() -> None:
    one, two = Ports(), Ports()
    port = Ports().any()
    one.exactly(port)
    with pytest.raises(StartError):
        two.exactly(port)
    one.close()
    assert two.exactly(port) == port
    two.close()


def test_two_platforms_that_ask_for_no_port_get_two() -> None:
    one, two = Ports(), Ports()
    assert one.first_free() != two.first_free()
    one.close()
    two.close()
