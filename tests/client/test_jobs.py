"""Handles of jobs, against a server that is a function, in a time that passes at once."""

from typing import Any

import httpx
import pytest

from relaxd.client import InputError, RelaxdError, RetryPolicy, TransportError
from relaxd.client._waiting import LONGEST_PAUSE, PATIENCE

from .doubles import FakeJob, FakeTime, problem, sse

NO_STREAM = problem(404, "input:not-found")


def paths(server: FakeJob) -> list[str]:
    return [request.url.path.removeprefix("/v1/jobs/") for request in server.requests]


def working(n: int, **options: Any) -> tuple[FakeJob, FakeTime]:
    """A job that does one molecule in each pause."""
    server = FakeJob(n, **options)
    return server, FakeTime(server.work)


def test_what_is_known(handle: Any) -> None:
    server = FakeJob(4, bad=[1])
    server.work(2)
    job = handle(server, FakeTime())
    assert repr(job) == "<Job job1 relax running: 1 ok, 1 error of 4>"
    server.cancel()
    assert job.info.state == "running"
    assert job.refresh() == job.info == server.info
    assert repr(job) == "<Job job1 relax cancelled: 1 ok, 1 error, 2 cancelled of 4>"


def test_done(handle: Any) -> None:
    server = FakeJob(1)
    job = handle(server, FakeTime())
    assert job.done() is False
    server.work()
    assert job.done() is True
    n_requests = len(server.requests)
    assert job.done() is True
    assert len(server.requests) == n_requests


def test_wait_takes_its_news_from_the_stream(handle: Any) -> None:
    server = FakeJob(3)
    job = handle(server, FakeTime())
    server.work(3)
    assert job.wait() == job.info == server.info
    server, time = FakeJob(3), FakeTime()
    job = handle(server, time)
    told = [sse(1, "state", {"state": "running"}), b": still there\n\n"]
    end = sse(2, "state", {"state": "succeeded"})
    server.portions = [[*told, end]]
    server.faults = [httpx.Response(200, text=server.info.model_dump_json())]
    server.work(3)
    assert job.wait().state == "succeeded"
    assert paths(server) == ["job1", "job1/events", "job1"]
    assert time.slept == []


def test_wait_of_a_job_that_has_ended_asks_nothing(handle: Any) -> None:
    server = FakeJob(1)
    server.work()
    assert handle(server, FakeTime()).wait() == server.info
    assert server.requests == []


def test_stream_is_taken_up_where_it_broke(handle: Any) -> None:
    server, time = working(3)
    assert handle(server, time).wait().state == "succeeded"
    streams = [r for r in server.requests if r.url.path.endswith("/events")]
    assert [r.headers.get("Last-Event-ID") for r in streams] == [None, "1", "3"]
    assert len(time.slept) == 3


@pytest.mark.parametrize(
    "refused",
    [
        problem(404, "input:not-found"),
        problem(501, "internal:nothing"),
        httpx.Response(200, text="<html>"),
        httpx.ReadTimeout("kept back by a proxy"),
    ],
)
def test_without_streams_it_looks(handle: Any, refused: Any) -> None:
    server, time = working(20)
    job = handle(server, time)
    server.faults = [None, refused]
    assert job.wait().state == "succeeded"
    assert paths(server).count("job1/events") == 1
    assert time.slept[:3] == pytest.approx([0.2, 0.3, 0.45])
    assert max(time.slept) == LONGEST_PAUSE


def test_timeout(handle: Any) -> None:
    server, time = FakeJob(1), FakeTime()
    with pytest.raises(TimeoutError, match="job job1 did not end within 30 s"):
        handle(server, time).wait(timeout=30)
    assert time.now == pytest.approx(1030.0)
    assert all(0 < request.extensions["timeout"]["read"] <= 30 for request in server.requests)


def test_timeout_of_a_stream_that_goes_on(handle: Any) -> None:
    server = FakeJob(1)

    class Slow(FakeTime):
        def clock(self) -> float:
            self.now += 0.01
            return self.now

    time = Slow()
    server.portions = [[b": still there\n\n"] * 10_000 for _ in range(50)]
    with pytest.raises(TimeoutError):
        handle(server, time).wait(timeout=30)
    assert time.now < 1030.5
    # Each stream is allowed half of what is left, so few are needed.
    assert paths(server).count("job1/events") < 12


@pytest.mark.parametrize("method", ["wait", "result"])
def test_no_time_is_one_look(handle: Any, method: str) -> None:
    server = FakeJob(1)
    job = handle(server, FakeTime())
    with pytest.raises(TimeoutError):
        getattr(job, method)(timeout=0)
    assert paths(server) == ["job1"]
    server.work()
    assert getattr(job, method)(timeout=0)


AWAY: list[httpx.Response | Exception | None] = [
    httpx.ConnectError("refused"),
    httpx.ReadError("reset"),
    httpx.ReadTimeout("stuck"),
    httpx.RemoteProtocolError("cut"),
    httpx.Response(502, text="<html>"),
    problem(503, "resource:draining"),
    httpx.Response(504, text="<html>"),
    problem(429, "limit:rate"),
]


def test_absence_is_survived(handle: Any) -> None:
    server, time = working(9)
    server.faults = [*AWAY]
    assert handle(server, time).wait().state == "succeeded"
    server, time = working(9)
    server.faults = [None, *AWAY]
    assert len(handle(server, time).result()) == 9
    server, time = working(9)
    server.faults = [*AWAY, None, *AWAY]
    assert len(list(handle(server, time).results())) == 9
    server, time = working(9)
    server.faults = [*AWAY, None, *AWAY]
    assert len(list(handle(server, time).events())) == len(server.events)


@pytest.mark.parametrize("read", [lambda job: job.wait(), lambda job: list(job.results())])
def test_absence_without_end(handle: Any, read: Any) -> None:
    server, time = FakeJob(1), FakeTime()
    server.faults = [httpx.ConnectError("refused")] * 10_000
    retry = RetryPolicy(attempts=2, initial_wait=1.0, max_wait=30.0)
    with pytest.raises(TransportError, match="refused"):
        read(handle(server, time, retry))
    assert PATIENCE - 30.0 < time.now - 1000.0 <= PATIENCE


def test_absence_until_the_timeout(handle: Any) -> None:
    server, time = FakeJob(1), FakeTime()
    server.faults = [httpx.ConnectError("refused")] * 10_000
    with pytest.raises(TimeoutError) as caught:
        handle(server, time).wait(timeout=3 * PATIENCE)
    assert time.now == 1000.0 + 3 * PATIENCE
    assert isinstance(caught.value.__cause__, TransportError)


@pytest.mark.parametrize("read", [lambda job: job.wait(), lambda job: list(job.events())])
def test_job_that_is_gone(handle: Any, read: Any) -> None:
    server = FakeJob(1)
    job = handle(server, FakeTime())
    server.info = server.info.model_copy(update={"id": "other"})
    with pytest.raises(InputError):
        read(job)


def test_results_come_in_order_as_they_are_done(handle: Any) -> None:
    server, time = working(5, bad=[2])
    results = handle(server, time).results()
    done_by_then = [(result.index, len(server.results)) for result in results]
    assert done_by_then == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert time.slept == [0.2] * 5


def test_results_are_read_page_by_page(handle: Any) -> None:
    server = FakeJob(10)
    server.work(10)
    server.page_size = 4
    results = handle(server, FakeTime()).results()
    assert server.requests == []
    assert next(results).index == 0
    assert len(server.requests) == 1
    assert [result.index for result in results] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [request.url.params.get("cursor") for request in server.requests] == [None, "4", "8"]


@pytest.mark.parametrize(("status", "indices"), [("ok", [0, 2, 4]), ("error", [1, 3])])
def test_status(handle: Any, status: str, indices: list[int]) -> None:
    server, time = working(5, bad=[1, 3])
    job = handle(server, time)
    assert [result.index for result in job.results(status)] == indices
    assert all("status" not in request.url.params for request in server.requests)
    assert [result.index for result in job.results(status)] == indices
    assert server.requests[-1].url.params["status"] == status


def test_result(handle: Any) -> None:
    server, time = working(3, bad=[1])
    results = handle(server, time).result(timeout=60)
    assert [(result.index, result.status) for result in results] == [
        (0, "ok"),
        (1, "error"),
        (2, "ok"),
    ]
    with pytest.raises(InputError, match="Bad"):
        results[1].raise_for_status()


def test_cancelled_job_has_results(handle: Any) -> None:
    server = FakeJob(3)
    server.work()
    job = handle(server, FakeTime())
    assert job.cancel().state == "cancelled"
    done, *others = job.result()
    assert done.status == "ok"
    for result in others:
        with pytest.raises(RelaxdError, match="Cancelled"):
            result.raise_for_status()
    assert job.cancel().state == "cancelled"


def test_missing_results_are_an_error(handle: Any) -> None:
    server = FakeJob(2)
    server.work(2)
    server.results.pop()
    with pytest.raises(TransportError, match="not all of its results are there"):
        handle(server, FakeTime()).result()


def test_events(handle: Any) -> None:
    server, time = working(2)
    job = handle(server, time)
    events = list(job.events())
    assert [event.id for event in events] == [1, 2, 3, 4, 5]
    assert [event.data for event in events if event.event == "state"] == [
        {"state": "queued"},
        {"state": "running"},
        {"state": "succeeded"},
    ]
    assert job.info == server.info
    assert [event.id for event in job.events(after=3)] == [4, 5]
    assert list(job.events(after=5)) == []


def test_events_after_the_last_of_a_running_job(handle: Any) -> None:
    server = FakeJob(1)
    job = handle(server, FakeTime())
    server.work()
    assert list(job.events(after=len(server.events))) == []


def test_events_are_told_once(handle: Any) -> None:
    server = FakeJob(1)
    server.work()
    first, *others = server.stream()
    assert isinstance(first, bytes)
    server.portions = [
        [first[:10], first[10:20], httpx.ReadError("cut")],
        [first, *others[:1], httpx.ReadError("cut")],
        [first, *others],
    ]
    job = handle(server, FakeTime())
    assert [event.id for event in job.events()] == list(range(1, len(server.events) + 1))


def test_events_may_be_left(handle: Any) -> None:
    server = FakeJob(1)
    server.work()
    events = handle(server, FakeTime()).events()
    assert next(events).id == 1
    events.close()


def test_delete(handle: Any) -> None:
    server = FakeJob(1)
    job = handle(server, FakeTime())
    with pytest.raises(InputError) as caught:
        job.delete()
    assert caught.value.type == "urn:relaxd:error:input:job-not-final"
    server.work()
    job.delete()
    job.delete()  # as after an answer that was lost
    server.faults = [httpx.Response(404, text="<html>")]
    with pytest.raises(InputError):
        job.delete()


def test_progress(handle: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server, time = working(3)
    handle(server, time).wait(progress=True)
    shown = capsys.readouterr().err
    assert "job1: 100%" in shown
    assert "3/3" in shown
    assert "succeeded" in shown
