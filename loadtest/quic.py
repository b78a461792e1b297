"""A file over one QUIC stream by aioquic, for comparison: as fast as its documentation lets it be."""

from __future__ import annotations

import asyncio
import datetime  # noqa: TID251 - a certificate has dates
import ssl
import tempfile
import time
from pathlib import Path
from typing import Callable, Final

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CONNECTION_WINDOW: Final = 64 << 20
_STREAM_WINDOW: Final = 32 << 20
_WRITE: Final = 256 << 10


def send(path: Path, host: str, port: int) -> float:
    """Send a file; return the seconds it took until the other side had all of it."""
    return asyncio.run(_send(path, host, port))


def receive(path: Path, host: str, port: int, on_ready: Callable[[], None]) -> None:
    """Receive one file."""
    asyncio.run(_receive(path, host, port, on_ready))


def _configuration(is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=["benchmark"],
        max_data=_CONNECTION_WINDOW,
        max_stream_data=_STREAM_WINDOW,
        verify_mode=ssl.CERT_NONE,
    )


async def _send(path: Path, host: str, port: int) -> float:
    async with connect(host, port, configuration=_configuration(True)) as client:
        started = time.monotonic()
        reader, writer = await client.create_stream()
        with path.open("rb") as file:
            while True:
                data = file.read(_WRITE)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.write_eof()
        await reader.read()
        return time.monotonic() - started


async def _receive(path: Path, host: str, port: int, on_ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    with path.open("wb") as file:

        class Receiver(QuicConnectionProtocol):
            def quic_event_received(self, event: QuicEvent) -> None:
                if isinstance(event, StreamDataReceived):
                    file.write(event.data)
                    if event.end_stream:
                        self._quic.send_stream_data(event.stream_id, b"1", end_stream=True)
                        self.transmit()
                        if not ended.done():
                            loop.call_later(0.5, ended.set_result, None)

        configuration = _configuration(False)
        _make_certificate(configuration)
        server = await serve(host, port, configuration=configuration, create_protocol=Receiver)
        on_ready()
        await ended
        server.close()


def _make_certificate(configuration: QuicConfiguration) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    with tempfile.TemporaryDirectory(prefix="quic-") as folder:
        chain, private = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        configuration.load_cert_chain(chain, private)
