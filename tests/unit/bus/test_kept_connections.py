"""Connections that are kept: an answer that is understood is read to its end and the connection used again; everything else is no answer, and its connection is not used again."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from stratforge.bus import kept_connections
from stratforge.bus.kept_connections import Answer, KeptConnections

from tests.support.tls import Authority

BODY = b"<ok/>" * 10
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Service:
    """A service that answers each request with what it is told, in the parts that it is told."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.parts: Callable[[], list[bytes]] = lambda: [WHOLE]
        self.ends = Event()
        self.ended = Event()
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.tls: ssl.SSLContext | None = None
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                if self.tls is not None:
                    connection = self.tls.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self.connections.append(connection)
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while part := connection.recv(65_536):
                received += part
                head, _, rest = received.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or -1)
                if len(rest) != length:
                    continue
                self.requests.append(received)
                received = b""
                for each in self.parts():
                    connection.sendall(each)
                if self.ends.is_set():
                    break
        self.ended.set()

    def close(self) -> None:
        """Ends it."""
        self._listener.close()
        for each in self.connections:
            each.close()


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    yield found
    found.close()


def kept(service: Service, count: int = 4) -> KeptConnections:
    """Connections to the service."""
    return KeptConnections(f"http://127.0.0.1:{service.port}", count)


def test_requests_share_a_connection_and_each_is_whole(service: Service) -> None:
    connections = kept(service)
    for number in range(3):
        assert connections.post({"Host": "here", "X-Number": str(number)}, b"a=b") == Answer(200, BODY)
    assert len(service.connections) == 1
    head, _, body = service.requests[1].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert first == b"POST / HTTP/1.1"
    assert {b"Host: here", b"X-Number: 1", b"Content-Length: 3"} <= {*fields}
    assert body == b"a=b"


def test_an_answer_in_any_parts_is_put_together(service: Service) -> None:
    connections = kept(service)
    for cut in (1, 10, len(WHOLE) - len(BODY) - 2, len(WHOLE) - 1):
        service.parts = lambda cut=cut: [WHOLE[:cut], WHOLE[cut:]]  # type: ignore[misc] # its default
        assert connections.post({}, b"") == Answer(200, BODY)
    assert len(service.connections) == 1


def test_a_refusal_is_an_answer(service: Service) -> None:
    service.parts = lambda: [b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"]
    assert kept(service).post({}, b"") == Answer(403, b"no")


def test_one_that_was_closed_meanwhile_is_not_asked(service: Service) -> None:
    connections = kept(service)
    service.ends.set()
    assert connections.post({}, b"") == Answer(200, BODY)
    assert service.ended.wait(10)
    assert connections.post({}, b"") == Answer(200, BODY)
    assert len(service.connections) == 2


@pytest.mark.parametrize(
    "parts",
    [
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nContent-Length: some\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_what_is_not_understood_is_no_answer_and_its_connection_is_left(service: Service, parts: bytes) -> None:
    connections = kept(service)
    service.parts = lambda: [parts]
    service.ends.set()
    assert connections.post({}, b"") is None
    service.parts = lambda: [WHOLE]
    assert connections.post({}, b"") == Answer(200, BODY)
    assert len(service.connections) == 2


def test_an_answer_in_chunks_is_one_too(service: Service) -> None:
    connections = kept(service)
    service.parts = lambda: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"]
    for _ in range(2):
        assert connections.post({}, b"") == Answer(200, b"ok")
    assert len(service.connections) == 1


@pytest.mark.parametrize("length", [0, 20, len(WHOLE) - len(BODY), len(WHOLE) - 1])
def test_an_answer_that_ends_early_is_none(service: Service, length: int) -> None:
    service.parts = lambda: [WHOLE[:length]] if length else []
    service.ends.set()
    assert kept(service).post({}, b"") is None


def test_one_that_says_it_closes_is_not_kept(service: Service) -> None:
    connections = kept(service)
    service.parts = lambda: [WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n", 1)]
    for _ in range(2):
        assert connections.post({}, b"") == Answer(200, BODY)
    assert len(service.connections) == 2


def test_as_many_as_are_asked_at_once_and_no_more_are_kept(service: Service) -> None:
    connections, together = kept(service, 2), Barrier(3, timeout=10)

    def parts() -> list[bytes]:
        together.wait()
        return [WHOLE]

    service.parts = parts
    for _ in range(2):
        found: list[Answer | None] = []
        threads = [Thread(target=lambda: found.append(connections.post({}, b""))) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert found == [Answer(200, BODY)] * 3
    assert len(service.connections) == 4


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert KeptConnections(f"http://127.0.0.1:{port}", 1).post({}, b"") is None


def test_a_service_is_believed_by_its_certificate_and_its_name(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = Authority.make(tmp_path / "ours", "ours"), Authority.make(tmp_path / "other", "other")
    monkeypatch.setattr(kept_connections, "get_cert_path", lambda verify: str(ours.certificate))
    for authority, host, answer in ((ours, "localhost", Answer(200, BODY)), (other, "localhost", None), (ours, "elsewhere", None)):  # fmt: skip
        service.tls = authority.server(host)
        assert KeptConnections(f"https://localhost:{service.port}", 1).post({}, b"a=b") == answer, host
