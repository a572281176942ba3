"""Webhooks over TLS: the certificate is of the name, although the connection is by address."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from relaxd.service.store import Database, migrate
from relaxd.service.webhooks._notices import Notifier, make_transport

from ..store.doubles import Store
from .doubles import ended_job, is_told, kept, until

pytestmark = pytest.mark.anyio

NAME = "receiver.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `NAME` with its key, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextlib.asynccontextmanager
async def receiving(certificate: Path) -> AsyncIterator[tuple[int, list[Any]]]:
    """A receiver on the loopback address; yields its port, and the names it was called by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[Any] = []
    context.sni_callback = lambda _, name, __: names.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], names


@contextlib.asynccontextmanager
async def telling(store: Store, certificate: Path) -> AsyncIterator[None]:
    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    trusting = ssl.create_default_context(cafile=certificate)
    notifier = Notifier(
        *(store.webhooks, store.jobs),
        allow_private=True,
        transport=make_transport(trusting),
        resolver=loopback,
        poll=0.01,
    )
    task = asyncio.create_task(notifier.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/relaxd.db")) as database:
        migrate(database)
        yield Store(database)


async def test_the_name_is_asked_for_and_checked(store: Store, certificate: Path) -> None:
    async with receiving(certificate) as (port, names), telling(store, certificate):
        job_id = ended_job(store, f"https://{NAME}:{port}/")
        await until(is_told(store, job_id))
    assert names == [NAME]


async def test_another_name_at_the_same_address_is_not_told(
    store: Store, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(certificate) as (port, names), telling(store, certificate):
        first = ended_job(store, f"https://{NAME}:{port}/")
        await until(is_told(store, first))
        other = ended_job(store, f"https://other.example:{port}/")
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
    assert kept(store, other)[0] is not None
    assert names == [NAME, "other.example"]
