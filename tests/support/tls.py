"""A PostgreSQL server as RDS offers it: TLS only, certificates of an authority of its own, a master that is no superuser.

The server's binaries are built without TLS, so what stands before them ends it: it speaks PostgreSQL's own negotiation, as the server would.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What a client begins with to ask for encryption (PostgreSQL's documentation, "Message Formats").
_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_YES, _NO = b"S", b"N"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs the certificates of servers; clients that trust it have `certificate`."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def make(cls, folder: Path, name: str) -> Authority:
        """A new authority."""
        folder.mkdir(parents=True)
        authority = cls(folder, ec.generate_private_key(ec.SECP256R1()), _called(name))
        certificate = _certificate(authority, authority.name, authority.key.public_key(), None)
        authority.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def certificate(self) -> Path:
        """The file that clients trust."""
        return self.folder / "authority.pem"

    def server(self, host: str) -> ssl.SSLContext:
        """What a server of this name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(self, _called(host), key.public_key(), host)
        file = self.folder / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    issuer: Authority, subject: x509.Name, key: ec.EllipticCurvePublicKey, host: str | None
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


@contextlib.contextmanager
def encrypted(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Puts TLS before the server on `port`, and refuses whoever does not ask for it; gives the port to connect to."""
    loop = asyncio.new_event_loop()
    open_: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        try:
            if await _negotiated(reader, writer, context):
                inside, outside = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_carry(reader, outside), _carry(inside, writer))
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # The client found something wrong and went away: that is what some tests want.
        finally:
            open_.discard(task)
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        server.close()
        for task in list(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)

    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


async def _negotiated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> bool:
    """Whether the client is encrypted now."""
    while True:
        _length, code = struct.unpack("!ii", await reader.readexactly(8))
        if code == _SSL_REQUEST:
            writer.write(_YES)
            await writer.drain()
            await writer.start_tls(context)
            return True
        if code != _GSS_REQUEST:
            break
        writer.write(_NO)
        await writer.drain()
    # As RDS says it to whoever comes without TLS while `rds.force_ssl` is on.
    fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0"
    writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
    await writer.drain()
    return False


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    target.close()
