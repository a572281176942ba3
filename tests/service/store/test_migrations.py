"""Tables as migrations make them are the tables that the code expects."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError
from tests.service.store.doubles import Store

import relaxd.service.store
from relaxd.service.store import Database, migrate
from relaxd.service.store._tables import Base

ROOT = Path(__file__).parents[3]

MIGRATE = """
import sys
from relaxd.service.store import Database, migrate
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate(database)
database.close()
"""


def configured(connection: Connection) -> Config:
    config = Config()
    folder = Path(relaxd.service.store.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    return config


def differences(database: Database) -> list[object]:
    with database.read() as connection:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def downgrade(database: Database) -> None:
    with database.migration() as connection:
        command.downgrade(configured(connection), "base")


def test_models_and_migrations_agree(database):
    assert differences(database) == []


def test_migrate_again_changes_nothing(store):
    job_id = store.submit(1)
    migrate(store.database)
    assert store.state(job_id) == "queued"
    assert differences(store.database) == []


def test_down_and_up_again(database):
    Store(database).submit(1)
    downgrade(database)
    assert tables(database) == {"alembic_version"}
    migrate(database)
    assert differences(database) == []
    Store(database).submit(1)


def test_several_servers_migrate_at_once(database):
    downgrade(database)
    with database.migration() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, database.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for server in servers:
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        server.stdin.write("\n")
        server.stdin.flush()
    for server in servers:
        _, errors = server.communicate(timeout=60)
        assert server.returncode == 0, errors
    assert differences(database) == []


def test_a_migration_that_replaces_a_table_keeps_what_refers_to_it(store):
    job_id = store.submit(2)
    for old, new in (("owner", "holder"), ("holder", "owner")):
        with store.database.migration() as connection:
            operations = Operations(MigrationContext.configure(connection))
            with operations.batch_alter_table("jobs") as batch:  # SQLite makes it anew
                batch.alter_column(old, new_column_name=new)
    store.work_off()
    assert store.counts(job_id) == (2, 2, 0, 0)
    store.jobs.purge(job_id)
    assert store.jobs.molecules(job_id, 0, 2) == []


def test_a_migration_that_fails_changes_nothing(sqlite_url):
    with closing(Database(sqlite_url)) as database:

        def fail() -> None:
            with database.migration() as connection:
                command.downgrade(configured(connection), "base")
                connection.execute(text("SELECT * FROM jobs"))

        with pytest.raises(OperationalError, match="no such table"):
            fail()
        assert differences(database) == []
