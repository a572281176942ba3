"""A database of each kind for every test, with its tables, and nothing in them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.postgresql import Cluster, NoPostgresqlError, postgresql_cluster
from tests.service.store.doubles import Clock, Store

from relaxd.service.store import Database, migrate


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this process; it starts in two seconds, so none is shared."""
    try:
        with postgresql_cluster() as server:
            yield server
    except NoPostgresqlError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgresql_database(cluster: Cluster) -> Callable[[], str]:
    """Makes a database, with the tables, of a name that was not used before."""
    cluster.execute("CREATE DATABASE migrated")
    with closing(Database(cluster.url("migrated"))) as template:
        migrate(template)
    numbers = count()

    def make() -> str:
        name = f"test_{next(numbers)}"
        cluster.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        return name

    return make


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "relaxd.db"
    with closing(Database(f"sqlite:///{path}")) as template:
        migrate(template)
    return path


@pytest.fixture
def sqlite_url(sqlite_file: Path, tmp_path: Path) -> str:
    """URL of an SQLite database with the tables."""
    return f"sqlite:///{shutil.copy(sqlite_file, tmp_path / 'relaxd.db')}"


@pytest.fixture
def postgresql_url(cluster: Cluster, postgresql_database: Callable[[], str]) -> Iterator[str]:
    """URL of a PostgreSQL database with the tables."""
    name = postgresql_database()
    yield cluster.url(name)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest) -> str:
    """URL of a database with the tables."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(url: str, clock: Clock) -> Iterator[Database]:
    with closing(Database(url, clock)) as database:
        yield database


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)
