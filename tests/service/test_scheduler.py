"""Addresses of Dask's schedulers: which are safe, and what the settings make of them."""

from pathlib import Path

import pytest
from distributed.security import Security
from pydantic import ValidationError

from relaxd.service import Settings
from relaxd.service._dask import security_of
from relaxd.service._scheduler import UnsafeSchedulerError, check_scheduler, is_on_this_machine

POSTGRESQL = "postgresql://relaxd@db/relaxd"

HERE = ("tcp://127.0.0.1:8786", "127.0.0.1:8786", "tls://[::1]:8786", "localhost:8786")
ELSEWHERE = ("tcp://10.0.0.1:8786", "tls://scheduler:8786", "scheduler:8786", "tcp://[::]:1", "")


def test_this_machine() -> None:
    assert [address for address in (*HERE, *ELSEWHERE) if is_on_this_machine(address)] == [*HERE]


@pytest.mark.parametrize("address", [*HERE, "tls://scheduler:8786", "wss://scheduler:8786"])
def test_safe(address: str) -> None:
    check_scheduler(address, insecure=False)


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "scheduler:8786", "ws://a:1", ""])
def test_unsafe(address: str) -> None:
    with pytest.raises(UnsafeSchedulerError, match="--insecure"):
        check_scheduler(address, insecure=False)
    check_scheduler(address, insecure=True)


def test_the_server_refuses_an_unsafe_scheduler() -> None:
    with pytest.raises(ValidationError, match="without TLS"):
        Settings(scheduler="tcp://10.0.0.1:8786", database=POSTGRESQL)
    Settings(scheduler="tcp://10.0.0.1:8786", database=POSTGRESQL, insecure=True)


def test_workers_elsewhere_need_postgresql() -> None:
    for database in ("sqlite:////srv/relaxd.db", "sqlite+pysqlite:////srv/relaxd.db"):
        with pytest.raises(ValidationError, match="PostgreSQL"):
            Settings(scheduler="tls://scheduler:8786", database=database)
        Settings(scheduler="tcp://127.0.0.1:8786", database=database)
    Settings(scheduler="tls://scheduler:8786", database=POSTGRESQL)


def test_tls(tmp_path: Path) -> None:
    files = []
    pem = Security.temporary()
    for name, text in (
        ("ca", pem.tls_ca_file),
        ("cert", pem.tls_client_cert),
        ("key", pem.tls_client_key),
    ):
        files.append(tmp_path / f"{name}.pem")
        files[-1].write_text(text)
    security = security_of("tls://scheduler:8786", *files)
    assert security.require_encryption
    for who in ("client", "worker"):
        assert security.get_connection_args(who)["ssl_context"] is not None
    assert not security_of("tcp://127.0.0.1:8786", None, None, None).require_encryption
    with pytest.raises(ValidationError, match="tls_key"):
        Settings(tls_key=tmp_path / "missing.pem")
