"""Prometheus metrics of jobs: what the database says, and what this server's own loops count."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from relaxd.client.schemas import JobKind
from relaxd.service._metrics import Metrics
from relaxd.service.jobs import JobEngine
from relaxd.service.store import STATUSES, JobTotals

FRESH_SECONDS = 5.0
"""The database is asked again after this time, however often the metrics are read."""

REASONS = ("worker-lost", "no-heartbeat", "not-begun", "drain")
"""Why attempts are given up."""

OUTCOMES = ("told", "failed", "given-up")
"""What comes of a try to tell a webhook."""

PATIENCE_SECONDS = 3.0
"""For so long the database may take, before it counts as away. Unit: s."""


@dataclass(frozen=True)
class Snapshot:
    """What the database said.

    Attributes:
        jobs: how many, by kind and state.
        tasks: how many, by kind, resource and state.
        waits: since when the first that waits is due, by kind and resource, s.
    """

    jobs: Mapping[tuple[str, ...], float]
    tasks: Mapping[tuple[str, ...], float]
    waits: Mapping[tuple[str, ...], float]


@asynccontextmanager
async def job_metrics(engine: JobEngine, metrics: Metrics) -> AsyncIterator["JobMetrics"]:
    """Show what is known of jobs among the metrics, for as long as the block runs."""
    collector = JobMetrics(engine)
    await collector.refresh()  # from here on it counts
    metrics.registry.register(collector)
    try:
        yield collector
    finally:
        metrics.registry.unregister(collector)


class JobMetrics(Collector):
    """Collects what is known of jobs; `refresh` first.

    Args:
        engine: of the jobs.
        clock: tells the time, in seconds from anywhere.
    """

    def __init__(self, engine: JobEngine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._totals = JobTotals()
        self._snapshot: Snapshot | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = -FRESH_SECONDS
        self._faults = 0
        event.listen(engine.database.engine, "handle_error", self._on_fault)

    async def refresh(self) -> None:
        """Ask the database, unless it was asked just now; while it is away, do not wait for it."""
        if self._asking is None:
            if self._clock() - self._asked_at < FRESH_SECONDS:
                return
            self._asking = asyncio.create_task(self._ask())
        asking = self._asking
        await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
        if asking.done():
            asking.result()
        else:
            self._snapshot = None

    def describe(self) -> list[Metric]:
        """Return nothing: the names are known once the metrics are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what was found out last, and nothing that may have changed since it was."""
        engine, snapshot = self._engine, self._snapshot
        yield _gauge("relaxd_database_up", "Whether the database answers.", snapshot is not None)
        if snapshot is not None:
            yield from _gauges(snapshot)
        yield _gauge(
            "relaxd_worker_slots",
            "Tasks that the workers can do at once; 0 until this server has one to send.",
            engine.dispatcher.n_workers,
        )
        yield _gauge(
            "relaxd_worker_tasks",
            "Tasks that the workers have from this server.",
            len(engine.dispatcher.sent),
        )
        yield from self._counters()

    def _counters(self) -> Iterator[Metric]:
        engine, totals = self._engine, self._totals
        released = engine.dispatcher.released + engine.reconciler.released
        shared = "Since this server started, but those of all servers: do not add servers up."
        yield _counter(
            "relaxd_job_molecules",
            f"Molecules that jobs are done with. {shared}",
            ("kind", "status"),
            {key: float(totals.molecules[key]) for key in product(get_args(JobKind), STATUSES)},
        )
        yield _counter(
            "relaxd_dft_gradients",
            f"DFT gradients that jobs have computed. {shared}",
            (),
            {(): totals.gradients},
        )
        yield _counter(
            "relaxd_attempts_released",
            "Attempts at tasks that this server gave up: the worker was lost, was not heard of, "
            "never began, or the server ended.",
            ("reason",),
            {(name,): float(released[name]) for name in REASONS},
        )
        yield _counter(
            "relaxd_webhooks",
            "Notices that this server tried to deliver, by what came of the try.",
            ("outcome",),
            {(name,): float(engine.notifier.outcomes[name]) for name in OUTCOMES},
        )
        yield _counter(
            "relaxd_database_faults",
            "Calls of this server to the database that failed for the moment; most are repeated.",
            (),
            {(): self._faults},
        )

    async def _ask(self) -> None:
        try:
            self._snapshot = await asyncio.to_thread(self._look)
        except SQLAlchemyError:
            self._snapshot = None
        finally:
            self._asked_at = self._clock()
            self._asking = None

    def _look(self) -> Snapshot:
        now = self._engine.database.now()
        jobs, depth = self._engine.jobs.counts(), self._engine.queue.depth()
        self._totals.look(self._engine.database)
        return Snapshot(
            jobs={key: float(n) for key, n in jobs.items()},
            tasks={key: float(n) for key, (n, _) in depth.items()},
            waits={
                (kind, resource): max(0.0, now - due)
                for (kind, resource, state), (_, due) in depth.items()
                if state == "queued"
            },
        )

    def _on_fault(self, context: ExceptionContext) -> None:
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            self._faults += 1


def _gauges(snapshot: Snapshot) -> Iterator[Metric]:
    yield _labelled("relaxd_jobs", "Jobs that are kept.", ("kind", "state"), snapshot.jobs)
    yield _labelled(
        "relaxd_tasks",
        "Tasks that wait (`queued`), were sent to the workers, or run on one.",
        ("kind", "resource", "state"),
        snapshot.tasks,
    )
    yield _labelled(
        "relaxd_task_wait_seconds",
        "For how long the first of the tasks that wait is overdue. Tasks of a long job are due one "
        "after the other, as if the job were alone on one worker.",
        ("kind", "resource"),
        snapshot.waits,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _labelled(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
