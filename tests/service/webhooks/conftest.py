"""A store with a clock of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaxd.service.store import Database, migrate

from ..store.doubles import Clock, Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/relaxd.db", clock)) as database:
        migrate(database)
        yield Store(database)
