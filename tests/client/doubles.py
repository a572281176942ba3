"""A server with one job, made of a function, and a time that passes only while one sleeps."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from relaxd.client.schemas import Counts, JobInfo, JobList, JobResult, ResultPage


class FakeTime:
    """Seconds that pass in no time; `then` is called after each sleep."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.then = then

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.then()

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Portions(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, for both kinds of client; an exception breaks it off."""

    def __init__(self, portions: Sequence[bytes | Exception]) -> None:
        self._portions = portions

    def __iter__(self) -> Iterator[bytes]:
        for portion in self._portions:
            if isinstance(portion, Exception):
                raise portion
            yield portion

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for portion in self:
            yield portion


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    document = {"type": f"urn:relaxd:error:{code}", "title": "Title", "status": status}
    return httpx.Response(status, json=document, headers=headers)


def fresh(answer: httpx.Response) -> httpx.Response:
    """The same answer once more: a client changes the one it gets."""
    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def sse(number: int, event: str, data: Any) -> bytes:
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()


class FakeJob:
    """A server that has one job; `work` does the next molecules of it.

    Attributes:
        faults: what the next requests are answered with instead, or exceptions.
        portions: what the next streams of events consist of; then, what has happened so far.
        requests: all of them.
        bad: the molecules that fail.
    """

    def __init__(self, n: int, *, bad: Sequence[int] = ()) -> None:
        self.info = JobInfo(
            id="job1",
            kind="relax",
            state="queued",
            priority="normal",
            counts=Counts(total=n),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.bad = bad
        self.results: list[JobResult] = []
        self.events: list[tuple[str, Any]] = [("state", {"state": "queued"})]
        self.faults: list[httpx.Response | Exception | None] = []
        self.portions: list[list[bytes | Exception]] = []
        self.requests: list[httpx.Request] = []
        self.page_size: int | None = None

    def work(self, n: int = 1) -> None:
        if self.info.state == "queued":
            self._enter("running")
        for index in range(len(self.results), min(len(self.results) + n, self.info.counts.total)):
            self.results.append(self._result(index))
            counts = self.info.counts.model_copy()
            if index in self.bad:
                counts.error += 1
            else:
                counts.ok += 1
            self.info = self.info.model_copy(update={"counts": counts})
            self.events.append(("progress", counts.model_dump()))
        if len(self.results) == self.info.counts.total and self.info.state == "running":
            self._enter("succeeded")

    def cancel(self) -> None:
        rest = range(len(self.results), self.info.counts.total)
        error = {"type": "urn:relaxd:error:resource:cancelled", "title": "Cancelled", "status": 503}
        self.results += [
            JobResult.model_validate({"index": i, "status": "error", "error": error}) for i in rest
        ]
        counts = self.info.counts.model_copy(update={"cancelled": len(rest)})
        self.info = self.info.model_copy(update={"counts": counts})
        self._enter("cancelled")

    def stream(self, after: int = 0) -> list[bytes | Exception]:
        """What the events so far look like; it breaks off where the job has not ended."""
        told: list[bytes | Exception] = [
            sse(number, *event) for number, event in enumerate(self.events, 1) if number > after
        ]
        return told if self.info.finished_at else [*told, httpx.ReadError("cut")]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        return fresh(fault) if fault else self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/jobs").strip("/")
        route = (request.method, path.partition("/")[2] if path else None)
        if path and path.partition("/")[0] != self.info.id:
            return problem(404, "input:unknown-job")
        answers: dict[Any, Callable[[httpx.Request], httpx.Response]] = {
            ("POST", None): self._told,
            ("GET", None): self._list,
            ("GET", ""): self._told,
            ("GET", "events"): self._events,
            ("GET", "results"): self._results,
            ("DELETE", ""): self._delete,
        }
        return answers[route](request)

    def _told(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(202, text=self.info.model_dump_json())

    def _list(self, request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("cursor", 0))
        info = self.info.model_copy(update={"id": f"job{3 - at}"})
        page = JobList(jobs=[info], next=str(at + 1) if at < 2 else None)
        return httpx.Response(200, text=page.model_dump_json())

    def _events(self, request: httpx.Request) -> httpx.Response:
        portions = (
            self.portions.pop(0)
            if self.portions
            else self.stream(int(request.headers.get("Last-Event-ID", 0)))
        )
        headers = {"Content-Type": "text/event-stream; charset=utf-8"}
        return httpx.Response(200, headers=headers, stream=Portions(portions))

    def _results(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        start = int(params.get("cursor", 0))
        size = self.page_size or int(params["limit"])
        found = self.results[start : start + size]
        stop = start + len(found)
        after = None if stop == self.info.counts.total else str(stop)
        kept = [result for result in found if params.get("status") in (None, result.status)]
        if "format" not in params:
            page = ResultPage(results=kept, next=after)
            return httpx.Response(200, text=page.model_dump_json())
        text = "".join(_record(result, params["format"]) for result in found)
        return httpx.Response(200, text=text, headers={"X-Next-Cursor": after} if after else {})

    def _delete(self, request: httpx.Request) -> httpx.Response:
        if request.url.params.get("purge") != "true":
            if not self.info.finished_at:
                self.cancel()
            return self._told(request)
        if not self.info.finished_at:
            return problem(409, "input:job-not-final")
        self.info = self.info.model_copy(update={"id": "none"})
        return httpx.Response(204)

    def _enter(self, state: str) -> None:
        update: dict[str, Any] = {"state": state}
        if state != "running":
            update["finished_at"] = datetime(2026, 1, 2, tzinfo=UTC)
        self.info = self.info.model_copy(update=update)
        self.events.append(("state", {"state": state}))

    def _result(self, index: int) -> JobResult:
        if index not in self.bad:
            return JobResult(index=index, id=f"m{index}", status="ok")
        error = {"type": "urn:relaxd:error:input:bad", "title": "Bad", "status": 422}
        return JobResult.model_validate({"index": index, "status": "error", "error": error})


def _record(result: JobResult, format_: str) -> str:
    if result.status == "error":
        return ""
    if format_ == "sdf":
        return f"{result.id}\n\n\n  0  0  0\nM  END\n$$$$\n"
    return f"2\nid={result.id}\nH 0 0 0\nH 0 0 0.7\n"
