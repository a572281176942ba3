"""The connection to the database, and transactions that outlive its faults."""

import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import tenacity
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

P = ParamSpec("P")
ReturnT = TypeVar("ReturnT")

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""For so long a transaction is tried again while the database is away or locked, s."""

LOCK_SECONDS = 15.0
"""For so long SQLite waits for another process's transaction, s."""

POOL_SIZE = 16
"""So many connections are kept open; more are opened while more threads need one."""

PERMANENT = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a table or a file that is not there; time does not help."""


class Database:
    """SQLite or PostgreSQL, by URL; may be used from any thread.

    Args:
        url: as SQLAlchemy writes it, such as `sqlite:////var/lib/relaxd/relaxd.db` or
            `postgresql://relaxd@db/relaxd`.
        clock: tells the time, in seconds since the epoch.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed.render_as_string(hide_password=False)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.now = clock
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": LOCK_SECONDS} if self.is_sqlite else {}
        self.engine = create_engine(
            parsed,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=-1,
            hide_parameters=True,  # errors are logged, and secrets of webhooks must not be
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writing = self.engine.execution_options(writes=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes effect as a whole, or not at all."""
        with self._writing.begin() as connection:
            yield connection

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """The same, for changing tables: to replace one does not delete what refers to its rows."""
        with self.engine.execution_options(writes=True, migrates=True).begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    keys = "OFF" if options.get("migrates") else "ON"  # cannot be changed in a transaction
    connection.exec_driver_sql(f"PRAGMA foreign_keys={keys}")
    # One that writes takes the lock at once: to take it later can fail without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def durable(method: Callable[P, ReturnT]) -> Callable[P, ReturnT]:
    """Make a method try again while the database is away, or another transaction is in the way.

    Whether a commit that was cut off took effect cannot be known, so such a method has to do
    nothing, and return the same, when it is called a second time.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_passing),
        wait=tenacity.wait_random_exponential(0.05, 2.0),
        stop=tenacity.stop_after_delay(PATIENCE),
        before_sleep=tenacity.before_sleep_log(logger, logging.WARNING),
        reraise=True,
    )

    @functools.wraps(method)
    def tried(*args: P.args, **kwargs: P.kwargs) -> ReturnT:
        return retrying.copy()(method, *args, **kwargs)

    return tried


def _is_passing(error: BaseException) -> bool:
    """Tell whether the same transaction may succeed later."""
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlite_errorcode", None) in PERMANENT:
        return False
    return error.connection_invalidated or isinstance(error, OperationalError)
