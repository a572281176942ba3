"""The work that waits and the work that runs: each attempt at a task claims it, or does nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from relaxd.client.schemas import JobOptions, JobResult, Problem
from relaxd.service.store._database import Database, durable
from relaxd.service.store._rows import TaskRef, add_event, cancel_items, failure, settle
from relaxd.service.store._tables import ItemRow, JobRow, TaskRow

MAX_LOSSES = 3
"""A molecule whose worker was lost so often is given up."""

LOST = Problem(
    type="urn:relaxd:error:resource:worker-lost",
    title="Worker lost",
    status=503,
    detail=f"Each of {MAX_LOSSES} workers was lost while it worked on this molecule.",
)
"""The problem of such a molecule."""


class Order(StrEnum):
    """What a worker is to do with the task it has."""

    GO_ON = "go on"
    CANCEL = "cancel"
    """The job is to be cancelled: finish with what is done."""
    STOP = "stop"
    """The task is another attempt's: what is computed here does not count."""


@dataclass(frozen=True)
class Work:
    """What a worker needs to know of its task.

    Attributes:
        options: of the job.
        molecules: those that are not done, by their index; JSON, a string is a SMILES.
    """

    options: JobOptions
    molecules: dict[int, Any]


@dataclass(frozen=True)
class Pulse:
    """What is known of a task that was sent or runs.

    Attributes:
        ref: the attempt.
        running: whether a worker has it.
        beat: grows as long as that worker lives.
    """

    ref: TaskRef
    running: bool
    beat: int


class Queue:
    """Hands out tasks and takes their results.

    Args:
        database: where they are.
        retention: for so long a job that has ended is kept, s.
    """

    def __init__(self, database: Database, retention: float) -> None:
        self._database = database
        self._retention = retention

    def send(self, resource: str, n: int) -> list[TaskRef]:
        """Take up to so many tasks that wait, the most urgent first, for an attempt at each.

        An error is the caller's to see, who asks again anyhow. If it hides that the tasks were
        taken, they are `sent` to nobody, until whoever watches the pulses releases them.
        """
        with self._database.write() as connection:
            rows = connection.execute(
                select(TaskRow.__table__, JobRow.kind)
                .join(JobRow)
                .where(TaskRow.state == "queued", TaskRow.resource == resource)
                .order_by(TaskRow.priority, TaskRow.due, TaskRow.job_id, TaskRow.start)
                .limit(n)
                .with_for_update(skip_locked=True, of=TaskRow)
            ).all()
            if rows:
                connection.execute(
                    update(TaskRow)
                    .where(TaskRow.job_id == bindparam("job"), TaskRow.start == bindparam("first"))
                    .values(state="sent", attempt=TaskRow.attempt + 1, worker=None),
                    [{"job": row.job_id, "first": row.start} for row in rows],
                )
        return [_ref(row, row.attempt + 1) for row in rows]

    @durable
    def begin(self, ref: TaskRef, worker: str) -> Work | None:
        """Claim a task that was sent; None if this attempt is no longer the one that counts.

        Args:
            ref: the attempt.
            worker: a name that no other claim uses.
        """
        with self._database.write() as connection:
            row = connection.execute(
                select(TaskRow.state, TaskRow.worker).where(*_is(ref)).with_for_update()
            ).first()
            if row is None or (row.state != "sent" and row != ("running", worker)):
                return None
            connection.execute(
                update(TaskRow).where(*_is(ref)).values(state="running", worker=worker)
            )
            job = self._start_job(connection, ref.job_id)
            molecules = connection.execute(
                select(ItemRow.index, ItemRow.molecule).where(
                    *_items(ref), ItemRow.status.is_(None)
                )
            ).all()
        options = JobOptions.model_validate(job.options)
        return Work(options, {index: json.loads(molecule) for index, molecule in molecules})

    def _start_job(self, connection: Connection, job_id: str) -> Any:
        started = connection.execute(
            update(JobRow)
            .where(JobRow.id == job_id, JobRow.state == "queued")
            .values(state="running", started_at=self._database.now())
        )
        if started.rowcount:
            add_event(connection, job_id, "state", {"state": "running"})
        return connection.execute(select(JobRow.__table__).where(JobRow.id == job_id)).one()

    @durable
    def beat(self, ref: TaskRef) -> Order:
        """Say that the worker of this attempt lives, and return what it is to do."""
        with self._database.write() as connection:
            alive = connection.execute(
                update(TaskRow)
                .where(*_is(ref), TaskRow.state == "running")
                .values(beat=TaskRow.beat + 1)
            )
            if not alive.rowcount:
                return Order.STOP
            cancel = connection.execute(
                select(JobRow.cancel).where(JobRow.id == ref.job_id)
            ).scalar_one()
        return Order.CANCEL if cancel else Order.GO_ON

    @durable
    def tell(self, ref: TaskRef, data: Mapping[str, Any], kind: str = "step") -> None:
        """Add an event, if this attempt still counts; twice, if a fault hid the first."""
        with self._database.write() as connection:
            if self._is_running(connection, ref):
                add_event(connection, ref.job_id, kind, dict(data))

    @durable
    def finish(self, ref: TaskRef, results: Sequence[JobResult]) -> bool:
        """Keep the results of an attempt and end its task, all or nothing.

        Args:
            ref: the attempt.
            results: of its molecules; those that have none are cancelled.

        Returns:
            Whether they count; not if the task is another attempt's by now.
        """
        rows = [
            {
                "at": result.index,
                "status": result.status,
                "result": result.model_dump_json(exclude_defaults=True),
            }
            for result in results
        ]
        with self._database.write() as connection:
            if not self._is_running(connection, ref):
                return self._was_finished(connection, ref)
            connection.execute(update(TaskRow).where(*_is(ref)).values(state="done"))
            if rows:
                at = (ItemRow.job_id == ref.job_id, ItemRow.index == bindparam("at"))
                connection.execute(update(ItemRow).where(*at), rows)
            _count(connection, ref.job_id, results)
            cancel_items(connection, ref.job_id, ref.start, ref.stop)
            settle(connection, ref.job_id, self._database.now(), self._retention)
        return True

    @durable
    def release(self, ref: TaskRef, *, lost: bool) -> None:
        """Let a task wait again, of which this attempt has not come to an end.

        Args:
            ref: the attempt.
            lost: whether its worker was lost, which a task survives a few times only; one that had
                not begun cannot be what its worker died of.
        """
        with self._database.write() as connection:
            where = (*_is(ref), TaskRow.state.in_(("sent", "running")))
            row = connection.execute(
                select(TaskRow.__table__).where(*where).with_for_update()
            ).first()
            if row is None:
                return
            # The job stays locked, so that its cancellation either is seen here or sees the task
            # wait.
            cancel = connection.execute(
                select(JobRow.cancel).where(JobRow.id == ref.job_id).with_for_update(key_share=True)
            ).scalar_one()
            losses = row.losses + (lost and row.state == "running")
            if cancel:
                self._end(connection, ref, None)
            elif losses < MAX_LOSSES:
                values = {"state": "queued", "losses": losses, "worker": None}
                connection.execute(update(TaskRow).where(*where).values(values))
            elif ref.stop - ref.start > 1:
                _split(connection, row)
            else:
                self._end(connection, ref, LOST)

    def _end(self, connection: Connection, ref: TaskRef, problem: Problem | None) -> None:
        # One attempt more, so that the one that is over cannot take this end for its own.
        ended = {"state": "done", "attempt": ref.attempt + 1}
        connection.execute(update(TaskRow).where(*_is(ref)).values(ended))
        if problem is None:
            cancel_items(connection, ref.job_id, ref.start, ref.stop)
        else:
            _fail(connection, ref, problem)
        settle(connection, ref.job_id, self._database.now(), self._retention)

    def cancel(self, job_id: str) -> None:
        """Stop a job: what waits ends here, what runs is told by its next beat.

        It takes two transactions: every task that is released after the first ends by itself, so
        that none waits after the second.
        """
        self._ask_to_stop(job_id)
        self._end_waiting(job_id)

    @durable
    def _ask_to_stop(self, job_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(JobRow)
                .where(JobRow.id == job_id, JobRow.state.in_(("queued", "running")))
                .values(cancel=True)
            )

    @durable
    def _end_waiting(self, job_id: str) -> None:
        with self._database.write() as connection:
            # Tasks in their order, and before the job, as everywhere: two transactions that lock
            # rows in different orders would wait for each other.
            waiting = (TaskRow.job_id == job_id, TaskRow.state.in_(("queued", "sent")))
            in_order = select(TaskRow.start).where(*waiting).order_by(TaskRow.start)
            connection.execute(in_order.with_for_update())
            ended = connection.execute(
                update(TaskRow)
                .where(*waiting)
                .values(state="done", attempt=TaskRow.attempt + 1)
                .returning(TaskRow.start, TaskRow.stop)
            ).all()
            for start, stop in _joined((row.start, row.stop) for row in ended):
                cancel_items(connection, job_id, start, stop)
            if ended:
                settle(connection, job_id, self._database.now(), self._retention)

    @durable
    def pulses(self) -> list[Pulse]:
        """Return every task that was sent or runs."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(TaskRow.__table__, JobRow.kind)
                .join(JobRow)
                .where(TaskRow.state.in_(("sent", "running")))
            ).all()
        return [Pulse(_ref(row, row.attempt), row.state == "running", row.beat) for row in rows]

    @durable
    def depth(self) -> dict[tuple[str, str, str], tuple[int, float]]:
        """Return, by kind, resource and state of a task, how many there are and the earliest due.

        What is done is left out.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                select(
                    JobRow.kind,
                    TaskRow.resource,
                    TaskRow.state,
                    func.count(),
                    func.min(TaskRow.due),
                )
                .join(JobRow)
                .where(TaskRow.state.in_(("queued", "sent", "running")))
                .group_by(JobRow.kind, TaskRow.resource, TaskRow.state)
            ).all()
        return {(kind, resource, state): (n, due) for kind, resource, state, n, due in rows}

    def _is_running(self, connection: Connection, ref: TaskRef) -> bool:
        # The row stays locked: nobody takes the task away before the transaction ends.
        running = select(TaskRow.start).where(*_is(ref), TaskRow.state == "running")
        return connection.execute(running.with_for_update()).first() is not None

    def _was_finished(self, connection: Connection, ref: TaskRef) -> bool:
        done = select(TaskRow.start).where(*_is(ref), TaskRow.state == "done")
        return connection.execute(done).first() is not None


def _is(ref: TaskRef) -> tuple[Any, ...]:
    return (
        TaskRow.job_id == ref.job_id,
        TaskRow.start == ref.start,
        TaskRow.attempt == ref.attempt,
    )


def _items(ref: TaskRef) -> tuple[Any, ...]:
    return ItemRow.job_id == ref.job_id, ItemRow.index >= ref.start, ItemRow.index < ref.stop


def _ref(row: Any, attempt: int) -> TaskRef:
    return TaskRef(row.job_id, row.start, row.stop, attempt, row.kind, row.resource)


def _count(connection: Connection, job_id: str, results: Sequence[JobResult]) -> None:
    n_ok = sum(result.status == "ok" for result in results)
    usages = [result.usage for result in results if result.usage is not None]
    connection.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(
            n_ok=JobRow.n_ok + n_ok,
            n_error=JobRow.n_error + len(results) - n_ok,
            cpu_seconds=JobRow.cpu_seconds + sum(usage.cpu_seconds for usage in usages),
            gpu_seconds=JobRow.gpu_seconds + sum(usage.gpu_seconds for usage in usages),
        )
    )


def _fail(connection: Connection, ref: TaskRef, problem: Problem) -> None:
    """Give the only molecule of a task a problem."""
    molecule = connection.execute(select(ItemRow.molecule).where(*_items(ref))).scalar_one()
    result = failure(ref.start, molecule, problem)
    connection.execute(
        update(ItemRow)
        .where(*_items(ref))
        .values(status=result.status, result=result.model_dump_json(exclude_defaults=True))
    )
    _count(connection, ref.job_id, [result])


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same, with one range where several follow each other."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and joined[-1][1] == start:
            start, _ = joined.pop()
        joined.append((start, stop))
    return joined


def _split(connection: Connection, row: Any) -> None:
    """Make a task of each molecule, so that only the one that kills workers is given up."""
    connection.execute(
        delete(TaskRow).where(TaskRow.job_id == row.job_id, TaskRow.start == row.start)
    )
    shared = {name: getattr(row, name) for name in ("job_id", "resource", "priority", "due")}
    connection.execute(
        insert(TaskRow),
        [
            {
                **shared,
                "start": start,
                "stop": start + 1,
                "state": "queued",
                "attempt": row.attempt,
                "losses": MAX_LOSSES - 1,
            }
            for start in range(row.start, row.stop)
        ],
    )
