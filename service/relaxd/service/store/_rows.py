"""What comes out of the tables, and the small pieces of which transactions are made."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from relaxd.client.schemas import FINAL_STATES, JobResult, Problem
from relaxd.service.store._tables import EventRow, ItemRow, JobRow

PRIORITIES = {"high": -1, "normal": 0, "low": 1}
"""How the names are ordered; the smallest number comes first, as an index has it."""

CANCELLED = Problem(
    type="urn:relaxd:error:resource:cancelled",
    title="Cancelled",
    status=503,
    detail="The job was cancelled before this molecule was done.",
)
"""The problem of a molecule that was not done."""


@dataclass(frozen=True)
class TaskRef:
    """One attempt at one task; what it writes counts only while it is the last.

    Attributes:
        job_id: of the job.
        start: index of its first molecule.
        stop: index after its last molecule.
        attempt: how often the task was sent, this time included.
        kind: of the job.
        resource: what a worker needs for it: `cpu` or `gpu`.
    """

    job_id: str
    start: int
    stop: int
    attempt: int
    kind: str
    resource: str

    @property
    def name(self) -> str:
        """For logs, and as Dask's key."""
        return f"{self.job_id}-{self.start}-{self.attempt}"


def new_id(now: float) -> str:
    """Return an identifier that sorts by time: 12 hexadecimal digits of it, and 12 by chance."""
    return f"{int(now * 1000):012x}{secrets.token_hex(6)}"


def add_event(connection: Connection, job_id: str, kind: str, data: dict[str, Any]) -> None:
    """Number and add an event; the job's row stays locked, so that nobody sees a gap."""
    number = connection.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(last_event=JobRow.last_event + 1)
        .returning(JobRow.last_event)
    ).scalar_one()
    connection.execute(insert(EventRow).values(job_id=job_id, id=number, kind=kind, data=data))


def failure(index: int, molecule: str, problem: Problem) -> JobResult:
    """Return the result of a molecule whose work did not come to an end."""
    given = json.loads(molecule)
    name = given.get("id") if isinstance(given, dict) else None
    return JobResult(
        index=index, id=name if isinstance(name, str) else None, status="error", error=problem
    )


def cancel_items(connection: Connection, job_id: str, start: int, stop: int) -> None:
    """End the molecules of a range that are not done; readers make their results."""
    ended = connection.execute(
        update(ItemRow)
        .where(
            ItemRow.job_id == job_id,
            ItemRow.index >= start,
            ItemRow.index < stop,
            ItemRow.status.is_(None),
        )
        .values(status="cancelled")
    )
    connection.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(n_cancelled=JobRow.n_cancelled + ended.rowcount)
    )


def settle(connection: Connection, job_id: str, now: float, retention: float) -> None:
    """Tell how far the job is and, if all its molecules are done, give it its final state."""
    job = connection.execute(select(JobRow.__table__).where(JobRow.id == job_id)).one()
    counts = {"ok": job.n_ok, "error": job.n_error, "cancelled": job.n_cancelled}
    add_event(connection, job_id, "progress", {"total": job.n_items, **counts})
    if sum(counts.values()) < job.n_items or job.state in FINAL_STATES:
        return
    state = "cancelled" if job.n_cancelled else "succeeded" if job.n_ok else "failed"
    connection.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(
            state=state,
            finished_at=now,
            expires_at=now + retention,
            webhook_at=now if job.options.get("webhook") else None,
        )
    )
    add_event(connection, job_id, "state", {"state": state})


def waiting_molecules(connection: Connection) -> int:
    """Return how many molecules of all jobs are not done."""
    done = JobRow.n_ok + JobRow.n_error + JobRow.n_cancelled
    total = select(func.sum(JobRow.n_items - done)).where(JobRow.state.in_(("queued", "running")))
    return int(connection.execute(total).scalar() or 0)
