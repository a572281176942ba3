"""What `/metrics` says of jobs, workers, webhooks, refused requests, and the database."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.service.conftest import Serve
from tests.service.jobs.calls import ended, submit

from relaxd.client.schemas import JobOptions, JobResult
from relaxd.service import Settings, _job_metrics
from relaxd.service._job_metrics import JobMetrics
from relaxd.service._metrics import Metrics
from relaxd.service.jobs import Context, JobEngine
from relaxd.service.store import Slicing, migrate

from . import doubles

pytestmark = pytest.mark.anyio

Sample = tuple[str, tuple[tuple[str, str], ...]]


def read(text: str) -> dict[Sample, float]:
    """All samples of a text in Prometheus' format, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: dict[Sample, float], name: str, **labels: str) -> float | None:
    return samples.get((name, tuple(sorted(labels.items()))))


async def scrape(client: httpx.AsyncClient) -> dict[Sample, float]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    return read(response.text)


async def until(client: httpx.AsyncClient, name: str, expected: float, **labels: str) -> Any:
    """Read the metrics until one of them is as expected."""
    async with asyncio.timeout(60):
        while value(samples := await scrape(client), name, **labels) != expected:
            await asyncio.sleep(0.1)
    return samples


async def test_jobs(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_job_metrics, "FRESH_SECONDS", 0.0)
    async with serving() as client:
        before = await scrape(client)
        await ended(client, await submit(client, ["CC", "unreadable", "CCC"]))
        job_id = await submit(client, ["CC", "hang"])
        # One look asks for the jobs, and then for the tasks: both are there in the one after.
        await until(client, "relaxd_tasks", 1, kind="relax", resource="cpu", state="running")
        running = await until(client, "relaxd_jobs", 1, kind="relax", state="running")
        await client.delete(f"/v1/jobs/{job_id}")
        await ended(client, job_id)
        after = await scrape(client)
        # A job that is deleted takes nothing away from what was done.
        assert (await client.delete(f"/v1/jobs/{job_id}?purge=true")).status_code == 204
        purged = await scrape(client)
    assert value(before, "relaxd_ready") == 1
    assert value(before, "relaxd_database_up") == 1
    assert value(before, "relaxd_job_molecules_total", kind="relax", status="ok") == 0
    assert value(before, "relaxd_attempts_released_total", reason="worker-lost") == 0
    assert value(running, "relaxd_jobs", kind="relax", state="running") == 1
    assert value(running, "relaxd_worker_slots") == 1
    assert value(running, "relaxd_worker_tasks") == 1
    for samples in (after, purged):
        done = {
            s: value(samples, "relaxd_job_molecules_total", kind="relax", status=s)
            for s in ("ok", "error", "cancelled")
        }
        assert done["ok"] in (2, 3)
        assert done["error"] == 1
        assert sum(n or 0 for n in done.values()) == 5
    assert value(after, "relaxd_jobs", kind="relax", state="cancelled") == 1
    assert value(purged, "relaxd_jobs", kind="relax", state="cancelled") is None


async def test_refused_requests(serving: Serve) -> None:
    async with serving(max_molecules=1, max_pending=1) as client:
        await client.post("/v1/relax", json={"molecules": ["C", "C"]})
        await client.get("/v1/jobs/nope")
        samples = await scrape(client)
    name = "relaxd_request_problems_total"
    assert value(samples, name, category="limit", code="too-many-molecules") == 1
    assert value(samples, name, category="input", code="unknown-job") == 1


async def test_the_database_is_asked_once_in_a_while(engine: JobEngine) -> None:
    now = [0.0]
    looks = []
    metrics = JobMetrics(engine, lambda: now[0])
    engine.jobs.counts = lambda: looks.append(1) or {}  # type: ignore[method-assign,func-returns-value]
    await asyncio.gather(metrics.refresh(), metrics.refresh())
    now[0] = 4.9
    await metrics.refresh()
    assert len(looks) == 1
    now[0] = 5.0
    await metrics.refresh()
    assert len(looks) == 2


async def test_a_database_that_is_away(
    engine: JobEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_job_metrics, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(_job_metrics, "FRESH_SECONDS", 0.0)
    async with _job_metrics.job_metrics(engine, metrics := Metrics()) as job_metrics:
        with closing(sqlite3.connect(tmp_path / "relaxd.db")) as file:
            file.execute("ALTER TABLE jobs RENAME TO elsewhere")
            await job_metrics.refresh()
            away = read(metrics.text().decode())
            file.execute("ALTER TABLE elsewhere RENAME TO jobs")
        await job_metrics.refresh()
        back = read(metrics.text().decode())
        slow = asyncio.Event()

        async def wait() -> None:
            await slow.wait()

        monkeypatch.setattr(job_metrics, "_ask", wait)
        await job_metrics.refresh()
        silent = read(metrics.text().decode())
        slow.set()
    for samples, up in ((away, 0), (back, 1), (silent, 0)):
        assert value(samples, "relaxd_database_up") == up
    assert (value(away, "relaxd_database_faults_total") or 0) >= 1
    assert not any(name in ("relaxd_jobs", "relaxd_tasks") for name, _ in away)
    assert value(away, "relaxd_dft_gradients_total") == 0


@pytest.fixture
def engine(tmp_path: Path) -> JobEngine:
    """Of which nothing runs."""
    context = Context(
        Settings(workers=1), doubles.FakeRelaxer().load, doubles.read, doubles.fallback
    )
    engine = JobEngine(context, doubles.thread_cluster)
    migrate(engine.database)
    return engine


def put(engine: JobEngine, kind: str, n: int) -> str:
    """Accept a job of one task."""
    uploads = engine.uploads
    job_id = uploads.open("", JobOptions(kind=kind))  # type: ignore[arg-type]
    uploads.add(job_id, 0, ['"C"'] * n)
    uploads.close(job_id, n, "", None, Slicing(n, 1.0, "cpu"))
    return job_id


async def test_gradients_and_waits(engine: JobEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_job_metrics, "FRESH_SECONDS", 0.0)
    clock = [1000.0]
    monkeypatch.setattr(engine.database, "now", lambda: clock[0])
    put(engine, "refine", 1)
    (ref,) = engine.queue.send("cpu", 1)
    engine.queue.begin(ref, "worker")
    engine.queue.tell(ref, {"n_gradients": 1})
    metrics = Metrics()
    async with _job_metrics.job_metrics(engine, metrics) as job_metrics:
        put(engine, "relax", 2)
        clock[0] = 1030.0
        for n in (2, 3):
            engine.queue.tell(ref, {"n_gradients": n})
        await job_metrics.refresh()
        first = read(metrics.text().decode())
        engine.queue.tell(ref, {"n_gradients": 4})
        engine.queue.finish(ref, [JobResult(index=0, status="ok")])
        await job_metrics.refresh()
        second = read(metrics.text().decode())
        clock[0] += 7200.0
        await job_metrics.refresh()
        third = read(metrics.text().decode())
    # What was there before it looked first is not counted.
    assert [value(s, "relaxd_dft_gradients_total") for s in (first, second, third)] == [2, 3, 3]
    assert value(first, "relaxd_task_wait_seconds", kind="relax", resource="cpu") == 30.0
    assert value(first, "relaxd_task_wait_seconds", kind="refine", resource="cpu") is None
    for samples, n in ((first, 0), (second, 1), (third, 1)):
        assert value(samples, "relaxd_job_molecules_total", kind="refine", status="ok") == n


async def test_attempts_and_webhooks_are_counted(engine: JobEngine) -> None:
    engine.dispatcher.released["drain"] += 1
    engine.reconciler.released["no-heartbeat"] += 2
    engine.notifier.outcomes["given-up"] += 3
    async with _job_metrics.job_metrics(engine, metrics := Metrics()):
        samples = read(metrics.text().decode())
    assert value(samples, "relaxd_attempts_released_total", reason="drain") == 1
    assert value(samples, "relaxd_attempts_released_total", reason="no-heartbeat") == 2
    assert value(samples, "relaxd_webhooks_total", outcome="given-up") == 3
