"""What callers see of jobs: lists, states, events, results."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import case, delete, func, select

from relaxd.client.schemas import (
    FINAL_STATES,
    Counts,
    JobEvent,
    JobInfo,
    JobKind,
    JobResult,
    JobState,
    Priority,
    Usage,
)
from relaxd.service.store._database import Database, durable
from relaxd.service.store._rows import CANCELLED, PRIORITIES, failure
from relaxd.service.store._tables import EventRow, ItemRow, JobRow, TagRow, TaskRow

NAMES: dict[int, Priority] = {number: name for name, number in PRIORITIES.items()}  # type: ignore[misc]

ResultStatus = Literal["ok", "error"]
"""What a result says of itself."""

ToUsage = Callable[[float, float], Usage]
"""Makes processor and GPU seconds into what is told of them."""


@dataclass(frozen=True)
class Filters:
    """Which jobs to list; None lists all."""

    state: JobState | None = None
    kind: JobKind | None = None
    tag: str | None = None


class Jobs:
    """Reads jobs, each for its owner only.

    Args:
        database: where they are.
        usage: what processor and GPU seconds amount to.
    """

    def __init__(self, database: Database, usage: ToUsage) -> None:
        self._database = database
        self._usage = usage

    @durable
    def get(self, job_id: str, owner: str) -> JobInfo | None:
        """Return a job, or None if its owner has none of this id."""
        with self._database.read() as connection:
            row = connection.execute(
                select(JobRow.__table__).where(
                    JobRow.id == job_id, JobRow.owner == owner, JobRow.state != "uploading"
                )
            ).first()
        return None if row is None else self._info(row)

    @durable
    def page(self, owner: str, filters: Filters, before: str | None, n: int) -> list[JobInfo]:
        """Return jobs, latest first.

        Args:
            owner: whose.
            filters: which.
            before: id of the job before whose time to begin.
            n: how many at most.
        """
        query = select(JobRow.__table__).where(JobRow.owner == owner, JobRow.state != "uploading")
        if before is not None:
            query = query.where(JobRow.id < before)
        if filters.state is not None:
            query = query.where(JobRow.state == filters.state)
        if filters.kind is not None:
            query = query.where(JobRow.kind == filters.kind)
        if filters.tag is not None:
            query = query.join(TagRow, TagRow.job_id == JobRow.id).where(TagRow.tag == filters.tag)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(JobRow.id.desc()).limit(n)).all()
        return [self._info(row) for row in rows]

    @durable
    def events(self, job_id: str, after: int, n: int) -> list[JobEvent]:
        """Return up to so many events of a job, those after a number."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(EventRow.__table__)
                .where(EventRow.job_id == job_id, EventRow.id > after)
                .order_by(EventRow.id)
                .limit(n)
            ).all()
        return [JobEvent(id=row.id, event=row.kind, data=row.data) for row in rows]

    @durable
    def results(
        self, job_id: str, start: int, n: int, status: ResultStatus | None
    ) -> tuple[list[JobResult], int | None]:
        """Return results in order, up to the first task that is not done.

        Args:
            job_id: of the job.
            start: index at which to begin.
            n: how many at most.
            status: only these, where what was cancelled counts as an error; None returns all.

        Returns:
            The results, and the index at which the next call begins; None if all were returned.
        """
        with self._database.read() as connection:
            total = connection.execute(
                select(JobRow.n_items).where(JobRow.id == job_id)
            ).scalar_one_or_none()
            if total is None:  # deleted in the meantime
                return [], None
            undone = connection.execute(
                select(func.min(TaskRow.start)).where(
                    TaskRow.job_id == job_id, TaskRow.state != "done"
                )
            ).scalar()
            stop = total if undone is None else undone
            where = [ItemRow.job_id == job_id, ItemRow.index >= start, ItemRow.index < stop]
            if status is not None:
                meant = ("ok",) if status == "ok" else ("error", "cancelled")
                where.append(ItemRow.status.in_(meant))
            # Only what was cancelled needs its molecule: it has no result.
            molecule = case((ItemRow.result.is_(None), ItemRow.molecule)).label("molecule")
            query = select(ItemRow.index, ItemRow.result, molecule).where(*where)
            rows = connection.execute(query.order_by(ItemRow.index).limit(n)).all()
        results = [_result(row) for row in rows]
        if len(results) == n:
            stop = results[-1].index + 1
        return results, max(start, stop) if stop < total else None

    @durable
    def molecules(self, job_id: str, start: int, stop: int) -> list[str]:
        """Return the molecules of a range as they were given, in JSON."""
        where = (ItemRow.job_id == job_id, ItemRow.index >= start, ItemRow.index < stop)
        with self._database.read() as connection:
            query = select(ItemRow.molecule).where(*where).order_by(ItemRow.index)
            return list(connection.execute(query).scalars())

    @durable
    def purge(self, job_id: str) -> None:
        """Delete a job whose state is final, with its results."""
        with self._database.write() as connection:
            connection.execute(
                delete(JobRow).where(JobRow.id == job_id, JobRow.state.in_(FINAL_STATES))
            )

    @durable
    def expire(self, n: int) -> list[str]:
        """Delete up to so many jobs whose time is over, and return their ids."""
        with self._database.write() as connection:
            over = select(JobRow.id).where(JobRow.expires_at < self._database.now()).limit(n)
            ids = list(connection.execute(over).scalars())
            connection.execute(delete(JobRow).where(JobRow.id.in_(ids)))
        return ids

    @durable
    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many jobs there are of each kind and state."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
            ).all()
        return {(kind, state): n for kind, state, n in rows}

    def _info(self, row: Any) -> JobInfo:
        options = row.options
        return JobInfo(
            id=row.id,
            kind=row.kind,
            state=row.state,
            name=options["name"],
            tags=options["tags"],
            priority=NAMES[row.priority],
            model=options["model"],
            refine=options["refine"],
            sample=options.get("sample"),
            counts=Counts(
                total=row.n_items, ok=row.n_ok, error=row.n_error, cancelled=row.n_cancelled
            ),
            created_at=_time(row.created_at),
            started_at=_time(row.started_at),
            finished_at=_time(row.finished_at),
            expires_at=_time(row.expires_at),
            cancel_requested=row.cancel,
            usage=self._usage(row.cpu_seconds, row.gpu_seconds) if row.started_at else None,
        )


def _result(row: Any) -> JobResult:
    if row.result is None:
        return failure(row.index, row.molecule, CANCELLED)
    return JobResult.model_validate_json(row.result)


def _time(seconds: float | None) -> Any:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
