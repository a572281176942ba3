"""The connection to the database, and transactions that outlive its faults."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import tenacity
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

P = ParamSpec("P")
ReturnT = TypeVar("ReturnT")

PATIENCE = 60.0
"""For so long a transaction is tried again while the database is away or locked, s."""

LOCK_SECONDS = 15.0
"""For so long SQLite waits for another process's transaction, s."""


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
        arguments = {"timeout": LOCK_SECONDS} if self.is_sqlite else {}
        self.engine = create_engine(parsed, connect_args=arguments, pool_pre_ping=True)
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

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # One that writes takes the lock at once: to take it later can fail without waiting.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def durable(method: Callable[P, ReturnT]) -> Callable[P, ReturnT]:
    """Make a method try again while the database is away, or another transaction is in the way.

    Whether a commit that was cut off took effect cannot be known, so such a method has to do
    nothing, and return the same, when it is called a second time.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_passing),
        wait=tenacity.wait_random_exponential(0.05, 2.0),
        stop=tenacity.stop_after_delay(PATIENCE),
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
    return error.connection_invalidated or isinstance(error, OperationalError)
