"""Transactions: whole or not at all, tried again where time helps."""

import sqlite3
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from relaxd.service.store import Database
from relaxd.service.store._database import durable


class Failing:
    """Raises some errors, one at each call, before it answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    @durable
    def call(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def sqlalchemy_error(kind: type[DBAPIError], original: Exception, **options: bool) -> DBAPIError:
    return kind("SELECT 1", None, original, **options)


PASSING = [
    sqlalchemy_error(OperationalError, psycopg.errors.DeadlockDetected()),
    sqlalchemy_error(OperationalError, psycopg.errors.AdminShutdown()),
    sqlalchemy_error(OperationalError, sqlite3.OperationalError("database is locked")),
    sqlalchemy_error(DBAPIError, psycopg.InterfaceError(), connection_invalidated=True),
]

LASTING = [
    ValueError("ours"),
    sqlalchemy_error(ProgrammingError, psycopg.errors.UndefinedTable()),
    sqlalchemy_error(IntegrityError, sqlite3.IntegrityError("UNIQUE constraint failed")),
]


def test_what_passes_is_tried_again():
    failing = Failing(*PASSING)
    assert failing.call() == "done"
    assert failing.calls == len(PASSING) + 1


@pytest.mark.parametrize("error", LASTING)
def test_what_lasts_is_raised_at_once(error):
    failing = Failing(error)
    with pytest.raises(type(error)):
        failing.call()
    assert failing.calls == 1


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path):
    calls = []

    @durable
    def read(database):
        calls.append(database)
        with database.read():
            pass

    with (
        closing(Database(f"sqlite:///{tmp_path}")) as database,
        pytest.raises(OperationalError, match="unable to open"),
    ):
        read(database)
    assert len(calls) == 1


def test_a_missing_table_is_told_at_once(database):
    calls = []

    @durable
    def read():
        calls.append(database)
        with database.read() as connection:
            connection.execute(text("SELECT * FROM missing"))

    with pytest.raises(DBAPIError, match="missing"):
        read()
    assert len(calls) == 1


def test_a_transaction_that_fails_changes_nothing(database):
    insert = "INSERT INTO api_keys (id, name, hash, created_at) VALUES ('a', 'a', 'a', 0)"

    def fail():
        with database.write() as connection:
            connection.execute(text(insert))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing
        fail()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM api_keys")).scalar() == 0


def test_errors_do_not_tell_values(database):
    def read():
        with database.read() as connection:
            connection.execute(text("SELECT * FROM missing WHERE id = :id"), {"id": "secret"})

    with pytest.raises(DBAPIError) as caught:
        read()
    assert "secret" not in str(caught.value)


def test_postgresql_is_reached_by_psycopg():
    with closing(Database("postgresql://relaxd:word@db/relaxd")) as database:
        assert database.url == "postgresql+psycopg://relaxd:word@db/relaxd"
        assert not database.is_sqlite
