"""Keys in a database of their own, and a client of an application that asks for them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.service import Settings
from relaxd.service.access._access import Access
from relaxd.service.store import Database, migrate

from .doubles import Clock, CountingKeys, make_app


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[CountingKeys]:
    database = Database(f"sqlite:///{tmp_path}/relaxd.db")
    migrate(database)
    yield CountingKeys(database)
    database.close()


@pytest.fixture
def connect(keys: CountingKeys, clock: Clock, tmp_path: Path) -> Any:
    """Makes an application with these settings, and yields a client of it."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = make_app(Access(Settings(**settings), keys, clock), tmp_path)
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    return start
