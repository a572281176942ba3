"""Connections that break and servers that restart, over the network."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.client import RetryPolicy, TransportError
from relaxd.client.schemas import JobInfo

from .doubles import FakeJob, Portions, sse
from .loopback import LoopbackServer

QUICK = RetryPolicy(attempts=4, initial_wait=0.01, max_wait=0.05)


class LiveJob(FakeJob):
    """A job whose streams stay open, until they end or the server is gone."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.changed = threading.Condition()
        self.is_gone = False

    def step(self, n: int = 1) -> None:
        with self.changed:
            self.work(n)
            self.changed.notify_all()

    def leave(self) -> None:
        with self.changed:
            self.is_gone = True
            self.changed.notify_all()

    def _events(self, request: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "text/event-stream"}
        after = int(request.headers.get("Last-Event-ID", 0))
        return httpx.Response(200, headers=headers, stream=_Live(self, after))


class _Live(Portions):
    def __init__(self, job: LiveJob, after: int) -> None:
        self._job = job
        self._told = after

    def __iter__(self) -> Iterator[bytes]:
        job = self._job
        while not job.is_gone:
            with job.changed:
                job.changed.wait_for(lambda: job.is_gone or len(job.events) > self._told, 5)
                news = job.events[self._told :]
            for event in news:
                self._told += 1
                yield sse(self._told, *event)
            if job.info.finished_at and self._told == len(job.events):
                return
        raise httpx.ReadError("gone")


@pytest.fixture
def job() -> LiveJob:
    return LiveJob(4)


@pytest.fixture
def server(job: LiveJob) -> Iterator[LoopbackServer]:
    with LoopbackServer(job) as server:
        yield server
        job.leave()


def restart(server: LoopbackServer, job: LiveJob, away: float) -> None:
    job.leave()
    server.stop()
    threading.Event().wait(away)
    job.is_gone = False
    server.start()


@contextmanager
def in_background(target: Any, *args: Any) -> Iterator[None]:
    thread = threading.Thread(target=target, args=args)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_one_stream_is_enough(connect: Any, server: LoopbackServer, job: LiveJob) -> None:
    handle = connect(None, base_url=server.url, retry=QUICK).submit(["C"] * 4)
    with in_background(job.step, 4):
        events = [event.event for event in handle.events()]
    assert events == ["state"] * 2 + ["progress"] * 4 + ["state"]
    assert sum(request.url.path.endswith("/events") for request in job.requests) == 1


@pytest.mark.parametrize("read", ["wait", "result", "results", "events", "save"])
def test_restart_is_not_seen(
    connect: Any, server: LoopbackServer, job: LiveJob, tmp_path: Path, read: str
) -> None:
    handle = connect(None, base_url=server.url, retry=QUICK).submit(["C"] * 4)

    def work() -> None:
        job.step()
        for _ in range(3):
            restart(server, job, 0.15)
            job.step()

    with in_background(work):
        if read == "wait":
            assert handle.wait(timeout=30).counts.ok == 4
        elif read == "result":
            assert [result.index for result in handle.result(timeout=30)] == [0, 1, 2, 3]
        elif read == "results":
            assert [result.index for result in handle.results()] == [0, 1, 2, 3]
        elif read == "events":
            assert [event.id for event in handle.events()] == [1, 2, 3, 4, 5, 6, 7]
        else:
            assert handle.save(tmp_path / "out.sdf") == 4


def test_timeout_while_the_server_is_away(connect: Any, job: LiveJob) -> None:
    with LoopbackServer(job) as server:
        handle = connect(None, base_url=server.url, retry=QUICK).submit(["C"])
        job.leave()
    with pytest.raises(TimeoutError) as caught:
        handle.wait(timeout=0.5)
    assert isinstance(caught.value.__cause__, TransportError)


def test_list_arrives_in_spite_of_broken_connections(
    connect: Any, server: LoopbackServer, job: LiveJob
) -> None:
    server.cuts = [0, 200_000]
    molecules = ["C" * 30] * 20_000
    handle = connect(None, base_url=server.url, retry=QUICK).submit(molecules, name="big")
    assert handle.id == job.info.id
    (body,) = server.bodies
    options, *sent = map(json.loads, body.splitlines())
    assert options["name"] == "big"
    assert sent == molecules
    assert len({request.headers["Idempotency-Key"] for request in job.requests}) == 1


def test_file_arrives_in_spite_of_broken_connections(
    connect: Any, server: LoopbackServer, tmp_path: Path
) -> None:
    path = tmp_path / "many.smi"
    path.write_bytes(b"CCO ethanol\n" * 50_000)
    server.cuts = [0, 200_000]
    connect(None, base_url=server.url, retry=QUICK).submit(path)
    assert server.bodies == [path.read_bytes()]


def test_iterator_does_not_arrive_twice(connect: Any, server: LoopbackServer, job: LiveJob) -> None:
    client = connect(None, base_url=server.url, retry=QUICK)
    server.cuts = [200_000]
    with pytest.raises(TransportError, match="partly used up"):
        client.submit("C" * 30 for _ in range(100_000))
    assert (server.bodies, job.requests) == ([], [])
    assert client.submit("C" * 30 for _ in range(100_000)).id == job.info.id
    assert server.bodies[0].count(b"\n") == 100_001


def test_fault_of_the_callers_iterator_leaves_no_job(
    connect: Any, server: LoopbackServer, job: LiveJob
) -> None:
    def molecules() -> Iterator[str]:
        yield from ["C" * 30] * 50_000
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        connect(None, base_url=server.url, retry=QUICK).submit(molecules())
    assert (server.bodies, job.requests) == ([], [])


def test_answer_that_is_lost(connect: Any, server: LoopbackServer, job: LiveJob) -> None:
    job.faults = [httpx.ReadError("cut")]
    info: JobInfo = connect(None, base_url=server.url, retry=QUICK).submit(["C"]).info
    assert info.id == job.info.id
    first, second = (request.headers["Idempotency-Key"] for request in job.requests)
    assert first == second
