"""`relaxd keys`: who may use a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from relaxd.service.cli._options import DEFAULT_DATABASE, Database

if TYPE_CHECKING:
    from relaxd.service.store import KeyInfo, Keys

MAX_NAME = 64
"""Longest name of a key, in characters."""

WIDTH = 200
"""Of the list, so that no id is ever cut."""

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > MAX_NAME:
        raise typer.BadParameter(f"must be one line of 1 to {MAX_NAME} characters")
    return value


@keys.command()
def create(
    name: Annotated[str, typer.Argument(callback=_name, help="Whose key it is, for people.")],
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="How many it may make; unbounded if not given.")
    ] = None,
    molecules_per_day: Annotated[
        int | None, typer.Option(min=1, help="How many it may send; unbounded if not given.")
    ] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Make a key, and print its token, which cannot be shown again.

    Running services know it at once. One on a loopback address, which needs
    no key as long as there is none, asks for one within five seconds.
    """
    with _open(database) as store:
        info, token = store.create(name, requests_per_minute, molecules_per_day)
    typer.echo(f"relaxd: made the key {info.id}; keep its token, it is not shown again", err=True)
    typer.echo(token)


@keys.command("list")
def show(database: Database = DEFAULT_DATABASE) -> None:
    """List all keys, the revoked ones too, but not their tokens."""
    with _open(database) as store:
        found = store.all()
    columns = ("id", "name", "made (UTC)", "revoked (UTC)", "requests/min", "molecules/day")
    table = Table(*columns, box=None)
    for info in found:
        table.add_row(*_row(info))
    Console(width=WIDTH).print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Of the key; `relaxd keys list`.")],
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Refuse a key from now on; a running service does so within five seconds."""
    with _open(database) as store:
        exists, is_last = store.revoke(key_id), not store.any_active()
    if not exists:
        typer.echo(f"relaxd: there is no key {key_id}", err=True)
        raise typer.Exit(1)
    typer.echo(f"relaxd: revoked the key {key_id}", err=True)
    if is_last:
        typer.echo(
            "relaxd: no key is left; a service on a loopback address needs none now", err=True
        )


@contextmanager
def _open(url: str) -> Iterator["Keys"]:
    from sqlalchemy.exc import SQLAlchemyError

    from relaxd.service.store import Database, Keys, migrate

    try:
        database = Database(url)
        with database.read():  # fails at once, where `migrate` would try for a minute
            pass
        migrate(database)
    except (SQLAlchemyError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        typer.echo(f"relaxd: the database cannot be used: {reason}", err=True)
        raise typer.Exit(1) from None
    try:
        yield Keys(database)
    finally:
        database.close()


def _row(info: "KeyInfo") -> tuple[str, ...]:
    return (
        info.id,
        info.name,
        _time(info.created_at),
        _time(info.revoked_at),
        str(info.requests_per_minute or ""),
        str(info.molecules_per_day or ""),
    )


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
