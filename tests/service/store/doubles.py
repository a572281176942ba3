"""A store with few limits, jobs of few words, and workers that only say they have worked."""

import json
import time
from collections.abc import Iterable
from typing import Any

from relaxd.client.schemas import Counts, JobEvent, JobOptions, JobResult, Usage
from relaxd.service.store import (
    Database,
    Filters,
    Jobs,
    Queue,
    Slicing,
    TaskRef,
    Uploads,
    Webhooks,
    Work,
)

OWNER = "alice"
RETENTION = 3600.0
EVERYTHING = Filters()


class Clock:
    """The time, which can be put forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


def usage(cpu_seconds: float, gpu_seconds: float) -> Usage:
    return Usage(
        cpu_seconds=cpu_seconds,
        gpu_seconds=gpu_seconds,
        energy_wh=0.0,
        co2e_g=None,
        estimated=True,
    )


def ok(index: int) -> JobResult:
    return JobResult(index=index, status="ok", charge=index, usage=usage(1.0, 0.5))


def error(index: int) -> JobResult:
    problem = {"type": "urn:relaxd:error:input:unparsable-smiles", "title": "Bad", "status": 422}
    return JobResult(index=index, status="error", error=problem)


class Store:
    """All of a store, and the calls that tests make of it most."""

    def __init__(self, database: Database, max_waiting: int = 10**6) -> None:
        self.database = database
        self.uploads = Uploads(database, max_waiting)
        self.queue = Queue(database, RETENTION)
        self.jobs = Jobs(database, usage)
        self.webhooks = Webhooks(database)

    def upload(self, n: int, *, owner: str = OWNER, **options: Any) -> str:
        """Send the molecules of a job, and not the end of it."""
        job_id = self.uploads.open(owner, JobOptions(**options))
        self.uploads.add(job_id, 0, [json.dumps({"smiles": "C", "id": f"m{i}"}) for i in range(n)])
        return job_id

    def submit(
        self,
        n: int,
        *,
        per_task: int = 1,
        seconds: float = 1.0,
        resource: str = "cpu",
        key: str | None = None,
        digest: str = "digest",
        **options: Any,
    ) -> str:
        """Send a job, and return the id of the one that answers it."""
        job_id = self.upload(n, **options)
        slicing = Slicing(per_task, seconds, resource)
        return self.uploads.close(job_id, n, digest, key, slicing)[0]

    def take(self, n: int = 1, worker: str = "worker") -> list[tuple[TaskRef, Work]]:
        """Send and begin tasks."""
        begun = []
        for ref in self.queue.send("cpu", n):
            work = self.queue.begin(ref, worker)
            assert work is not None
            begun.append((ref, work))
        return begun

    def work_off(self) -> None:
        """Do all that waits."""
        while begun := self.take():
            for ref, work in begun:
                assert self.queue.finish(ref, [ok(index) for index in work.molecules])

    def state(self, job_id: str, owner: str = OWNER) -> str:
        info = self.jobs.get(job_id, owner)
        assert info is not None
        return info.state

    def counts(self, job_id: str) -> tuple[int, int, int, int]:
        """How many molecules there are, are ok, have failed, are cancelled."""
        info = self.jobs.get(job_id, OWNER)
        assert info is not None
        return tuple_of(info.counts)

    def events(self, job_id: str) -> list[JobEvent]:
        """All events, of which none is missing."""
        events = self.jobs.events(job_id, 0, 10**6)
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        return events

    def states(self, job_id: str) -> list[str]:
        return [event.data["state"] for event in self.events(job_id) if event.event == "state"]

    def results(self, job_id: str) -> list[JobResult]:
        return self.jobs.results(job_id, 0, 10**6, None)[0]


def tuple_of(counts: Counts) -> tuple[int, int, int, int]:
    return counts.total, counts.ok, counts.error, counts.cancelled


def starts(refs: Iterable[TaskRef]) -> list[int]:
    return [ref.start for ref in refs]
