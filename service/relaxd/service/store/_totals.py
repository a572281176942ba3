"""What jobs have done since this server looked first, told from the database."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, or_, select

from relaxd.service.store._database import Database
from relaxd.service.store._tables import EventRow, JobRow

OVERLAP = 3600.0
"""Jobs that ended so long before the last look are looked at again: clocks differ. Unit: s."""

STATUSES = ("ok", "error", "cancelled")
"""What becomes of molecules."""


@dataclass
class JobTotals:
    """Counts that only grow, of the jobs of all servers and workers on one database.

    The sums over the table would not do: they fall when a job is deleted. So each job that is not
    over, or was not until lately, is compared with itself as it was at the last look.

    Attributes:
        molecules: done, by kind and status.
        gradients: of DFT.
    """

    molecules: Counter[tuple[str, str]] = field(default_factory=Counter)
    gradients: int = 0
    _seen: dict[str, Any] = field(default_factory=dict)
    _since: float | None = None

    def look(self, database: Database) -> None:
        """Count what was done since the last look; at the first, nothing.

        Raises:
            SQLAlchemyError: the database is away; the next look counts all.
        """
        now = database.now()
        is_first = self._since is None
        since = (now if self._since is None else self._since) - OVERLAP
        with database.read() as connection:
            jobs = {job.id: job for job in _jobs(connection, since)}
            changed = [job for job in jobs.values() if job != self._seen.get(job.id)]
            steps = 0 if is_first else sum(self._steps(connection, job) for job in changed)
        if not is_first:
            for job in changed:
                self._count(job)
            self.gradients += steps
        self._seen, self._since = jobs, now

    def _count(self, job: Any) -> None:
        before = self._seen.get(job.id)
        for status in STATUSES:
            done = getattr(job, f"n_{status}")
            earlier = getattr(before, f"n_{status}", 0)
            self.molecules[job.kind, status] += done - earlier

    def _steps(self, connection: Connection, job: Any) -> int:
        """Return how many gradients a job has told of since the last look."""
        if job.kind != "refine":
            return 0
        query = select(func.count()).where(
            EventRow.job_id == job.id,
            EventRow.id > getattr(self._seen.get(job.id), "last_event", 0),
            EventRow.id <= job.last_event,
            EventRow.kind == "step",
        )
        return int(connection.execute(query).scalar_one())


def _jobs(connection: Connection, since: float) -> list[Any]:
    """Return the jobs that run, or have ended since then."""
    columns = (JobRow.id, JobRow.kind, JobRow.n_ok, JobRow.n_error, JobRow.n_cancelled)
    query = select(*columns, JobRow.last_event).where(
        or_(JobRow.state == "running", JobRow.finished_at >= since)
    )
    return list(connection.execute(query).all())
