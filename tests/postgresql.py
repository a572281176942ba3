"""A PostgreSQL server of the tests' own: started from nothing, gone without a trace."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

# The server stops when its input ends, so also if the tests are killed.
RUN = '"$@" & read -r _; kill -INT $!; wait'

SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=100", "log_statement=none")
"""Quick rather than safe: nothing here outlives the tests."""

PATIENCE = 30.0
"""For so long a server may take to start, s."""


class NoPostgresqlError(Exception):
    """There is no PostgreSQL on this machine."""


def binaries() -> Path:
    """Return the folder that holds `initdb` and `postgres`.

    Raises:
        NoPostgresqlError: there is none.
    """
    for folder in _folders():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgresqlError("neither pg_config, /usr/lib/postgresql nor PATH knows initdb")


def _folders() -> Iterator[Path]:
    if (pg_config := shutil.which("pg_config")) is not None:
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            yield Path(told.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (initdb := shutil.which("initdb")) is not None:
        yield Path(initdb).parent


class Cluster:
    """One server with its data; its superuser `relaxd` needs no password.

    Args:
        folder: empty, for the data, the socket and the log.
        host: address to listen on; all of its network may connect.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self._host = host
        self._binaries = binaries()
        self._folder = folder
        self._user = _unprivileged(folder)
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        options = ("--username=relaxd", "--auth=trust", "--encoding=UTF8", "--no-locale")
        initdb = [self._binaries / "initdb", *options, "--no-sync", folder / "data"]
        subprocess.run(initdb, check=True, cwd=folder, capture_output=True, **self._user)
        with (folder / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet trust\n")

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://relaxd@{self._host}:{self._port}/{database}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        where = ["-D", "data", "-k", self._folder, "-h", self._host, "-p", str(self._port)]
        command = ["sh", "-c", RUN, "sh", self._binaries / "postgres", *where, *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        self._wait()

    def _wait(self) -> None:
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    log = (self._folder / "log").read_text()
                    raise RuntimeError(f"PostgreSQL does not start:\n{log}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Cut every connection, and end the server."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def execute(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql_cluster(host: str = "127.0.0.1") -> Iterator[Cluster]:
    """A server that runs, and is stopped and deleted at the end.

    Raises:
        NoPostgresqlError: there is none on this machine.
    """
    # Not where pytest keeps its files: the server's user may not enter there.
    folder = Path(tempfile.mkdtemp(prefix="relaxd-postgresql-", dir="/tmp"))
    try:
        cluster = Cluster(folder, host)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql_server(host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of an empty database on a server of its own.

    Raises:
        NoPostgresqlError: there is none on this machine.
    """
    with postgresql_cluster(host) as cluster:
        yield cluster.url()


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses root. Gives the folder to that user."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres", known["nobody"])
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
