"""Bringing a database to the tables of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from relaxd.service.store._database import Database, durable

LOCK = 0x72656C61
"""Number of the lock that keeps two servers from migrating at once."""


@durable
def migrate(database: Database) -> None:
    """Make the tables, or change those of an earlier version; several servers may at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.migration() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
