"""How a job comes in: piece by piece, and seen by nobody before all of it is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from relaxd.client.schemas import JobOptions
from relaxd.service.store._database import Database, durable
from relaxd.service.store._rows import PRIORITIES, add_event, new_id, waiting_molecules
from relaxd.service.store._tables import ItemRow, JobRow, TagRow, TaskRow

REUSABLE = ("queued", "running", "succeeded")
"""States of a job that answers a later one of the same content."""


class IdempotencyError(Exception):
    """The same idempotency key came with another content before."""


class FullError(Exception):
    """So many molecules are waiting that no more are taken.

    Attributes:
        waiting: how many there are.
    """

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} molecules are waiting")
        self.waiting = waiting


@dataclass(frozen=True)
class Slicing:
    """How a job is cut into tasks.

    Attributes:
        molecules: in one task, at most.
        seconds: that a task takes, about; tasks of several jobs take turns by it.
        resource: that a worker needs: `cpu` or `gpu`.
    """

    molecules: int
    seconds: float
    resource: str


class Uploads:
    """Receives jobs.

    Args:
        database: where to keep them.
        max_waiting: how many molecules of all jobs may wait.
    """

    def __init__(self, database: Database, max_waiting: int) -> None:
        self._database = database
        self._max_waiting = max_waiting

    def open(self, owner: str, options: JobOptions) -> str:
        """Begin a job, and return its id.

        Raises:
            FullError: too many molecules are waiting already.
        """
        job_id = new_id(self._database.now())
        self._open(job_id, owner, options.model_dump(mode="json", exclude={"molecules"}))
        return job_id

    @durable
    def _open(self, job_id: str, owner: str, options: dict[str, Any]) -> None:
        now = self._database.now()
        with self._database.write() as connection:
            if connection.execute(select(JobRow.id).where(JobRow.id == job_id)).first():
                return
            waiting = waiting_molecules(connection)
            if waiting >= self._max_waiting:
                raise FullError(waiting)
            connection.execute(
                insert(JobRow).values(
                    id=job_id,
                    owner=owner,
                    kind=options["kind"],
                    state="uploading",
                    priority=PRIORITIES[options["priority"]],
                    options=options,
                    created_at=now,
                    touched_at=now,
                )
            )

    @durable
    def add(self, job_id: str, start: int, molecules: Sequence[str]) -> None:
        """Add the next molecules, each as JSON.

        Args:
            job_id: of the job.
            start: how many came before.
            molecules: at least one.
        """
        rows = [
            {"job_id": job_id, "index": start + i, "molecule": molecule}
            for i, molecule in enumerate(molecules)
        ]
        dialect = sqlite if self._database.is_sqlite else postgresql
        with self._database.write() as connection:
            connection.execute(
                dialect.insert(ItemRow.__table__).on_conflict_do_nothing(),
                rows,
            )
            connection.execute(
                update(JobRow).where(JobRow.id == job_id).values(touched_at=self._database.now())
            )

    def close(
        self, job_id: str, n_items: int, digest: str, key: str | None, slicing: Slicing
    ) -> tuple[str, bool]:
        """Let the job begin, unless an earlier one answers it.

        Args:
            job_id: of the job.
            n_items: how many molecules it has.
            digest: of its options and molecules.
            key: idempotency key of the request.
            slicing: how to cut it.

        Returns:
            The id of the job that answers the request, and whether it was there before.

        Raises:
            IdempotencyError: the key came with another content before.
        """
        try:
            answer = self._close(job_id, n_items, digest, key, slicing)
        except IdempotencyError:
            self.discard(job_id)
            raise
        if answer != job_id:
            self.discard(job_id)
        return answer, answer != job_id

    def _close(
        self, job_id: str, n_items: int, digest: str, key: str | None, slicing: Slicing
    ) -> str:
        try:
            return self._try_to_close(job_id, n_items, digest, key, slicing)
        except IntegrityError:  # the same key came at the same time, and was faster
            return self._try_to_close(job_id, n_items, digest, key, slicing)

    @durable
    def _try_to_close(
        self, job_id: str, n_items: int, digest: str, key: str | None, slicing: Slicing
    ) -> str:
        now = self._database.now()
        with self._database.write() as connection:
            job = connection.execute(select(JobRow.__table__).where(JobRow.id == job_id)).one()
            if job.state != "uploading":
                return job_id
            earlier = self._earlier(connection, job, digest, key)
            if earlier is not None:
                return earlier
            connection.execute(
                update(JobRow)
                .where(JobRow.id == job_id)
                .values(
                    state="queued",
                    n_items=n_items,
                    digest=digest,
                    idempotency_key=key,
                    created_at=now,
                )
            )
            tags = dict.fromkeys(job.options["tags"])
            if tags:
                rows = [{"job_id": job_id, "tag": tag} for tag in tags]
                connection.execute(insert(TagRow), rows)
            connection.execute(insert(TaskRow), _tasks(job, n_items, now, slicing))
            add_event(connection, job_id, "state", {"state": "queued"})
        return job_id

    def _earlier(
        self, connection: Connection, job: Any, digest: str, key: str | None
    ) -> str | None:
        """Return the job that answers this one already, if there is one."""
        mine = select(JobRow.id, JobRow.digest).where(JobRow.owner == job.owner)
        if key is not None:
            same = connection.execute(mine.where(JobRow.idempotency_key == key)).first()
            if same is not None and same.digest != digest:
                raise IdempotencyError
            if same is not None:
                return str(same.id)
        if not job.options["deduplicate"]:
            return None
        found = mine.where(JobRow.digest == digest, JobRow.state.in_(REUSABLE))
        equal = connection.execute(
            found.where(JobRow.cancel.is_(False)).order_by(JobRow.id.desc())
        ).first()
        return None if equal is None else str(equal.id)

    @durable
    def discard(self, job_id: str) -> None:
        """Forget a job that was not received whole."""
        with self._database.write() as connection:
            connection.execute(
                delete(JobRow).where(JobRow.id == job_id, JobRow.state == "uploading")
            )

    @durable
    def discard_stale(self, seconds: float) -> None:
        """Forget all jobs of which nothing has come for so long: their server was killed."""
        before = self._database.now() - seconds
        with self._database.write() as connection:
            connection.execute(
                delete(JobRow).where(JobRow.state == "uploading", JobRow.touched_at < before)
            )


def _tasks(job: Any, n_items: int, now: float, slicing: Slicing) -> list[dict[str, Any]]:
    return [
        {
            "job_id": job.id,
            "start": start,
            "stop": min(start + slicing.molecules, n_items),
            "state": "queued",
            "resource": slicing.resource,
            "priority": job.priority,
            "due": now + number * slicing.seconds,
        }
        for number, start in enumerate(range(0, n_items, slicing.molecules))
    ]
