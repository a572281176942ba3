"""Jobs as tables and as JSON."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from json import dumps
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relaxd.client.schemas import JobInfo

WIDTH = 200
"""Of the tables, so that no id is ever cut."""


def print_json(value: Any) -> None:
    """Print JSON for other programs."""
    sys.stdout.write(dumps(value, indent=2) + "\n")


def print_jobs(infos: Sequence[JobInfo]) -> None:
    """Print a row for each job."""
    columns = ("id", "kind", "state", "done", "failed", "molecules", "accepted (UTC)", "name")
    table = Table(*columns, box=None)
    for info in infos:
        counts = info.counts
        numbers = map(str, (counts.done, counts.error, counts.total))
        row = (info.id, info.kind, info.state, *numbers, _time(info.created_at), info.name or "")
        # Text, for rich would take brackets in a name for markup.
        table.add_row(*map(Text, row))
    Console(width=WIDTH).print(table)


def print_job(info: JobInfo) -> None:
    """Print all that is known of a job."""
    table = Table(box=None, show_header=False)
    for name, value in _facts(info):
        table.add_row(name, Text(value))
    Console(width=WIDTH).print(table)


def _facts(info: JobInfo) -> Iterator[tuple[str, str]]:
    yield "id", info.id
    yield "kind", info.kind
    yield "state", f"{info.state}, being cancelled" if _is_ending(info) else info.state
    for name, value in info.counts.model_dump().items():
        yield "molecules" if name == "total" else name, str(value)
    if info.name:
        yield "name", info.name
    if info.tags:
        yield "tags", ", ".join(info.tags)
    yield "priority", info.priority
    if info.model:
        yield "model", info.model
    for part in (info.refine, info.sample):
        if part is not None:
            yield from ((name, str(value)) for name, value in part if value is not None)
    times = {"accepted": info.created_at, "began": info.started_at, "ended": info.finished_at}
    for name, time in (times | {"deleted after": info.expires_at}).items():
        if time is not None:
            yield f"{name} (UTC)", _time(time)
    if info.usage is not None:
        yield "processor time", f"{info.usage.cpu_seconds:.1f} s"
        yield "energy", f"{info.usage.energy_wh:.3f} Wh"


def _is_ending(info: JobInfo) -> bool:
    return info.cancel_requested and info.finished_at is None


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
