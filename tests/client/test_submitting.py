"""What both clients send to submit a job, and what comes back."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.client import InputError, LimitError, RelaxdError, Result, TransportError
from relaxd.client.schemas import RefineOptions, Webhook

from .conftest import AT_ONCE
from .doubles import FakeJob, fresh, problem

WEBHOOK = Webhook(url="https://example.org/done", secret="x" * 16)


@pytest.fixture
def server() -> FakeJob:
    return FakeJob(2)


def sent(request: httpx.Request) -> list[Any]:
    return [json.loads(line) for line in request.content.splitlines()]


def test_least(connect: Any, server: FakeJob) -> None:
    job = connect(server).submit(["C", {"smiles": "CC", "id": "ethane"}])
    assert (job.id, job.info) == ("job1", server.info)
    (request,) = server.requests
    assert (request.method, request.url.path) == ("POST", "/v1/jobs")
    assert request.headers["Content-Type"] == "application/x-ndjson"
    assert request.headers["Transfer-Encoding"] == "chunked"
    options, *molecules = sent(request)
    assert options == {"kind": "relax", "priority": "normal", "deduplicate": False}
    assert molecules == ["C", {"smiles": "CC", "id": "ethane"}]


def test_all(connect: Any, server: FakeJob) -> None:
    connect(server).refine(
        ["C"],
        level="fast",
        solvent="water",
        start="given",
        hessian="model",
        frequencies=True,
        max_gradients=7,
        device="cpu",
        model="small",
        name="mine",
        tags=iter(["a", "b"]),
        priority="high",
        webhook=WEBHOOK,
        deduplicate=True,
        idempotency_key="key",
    )
    (request,) = server.requests
    assert request.headers["Idempotency-Key"] == "key"
    assert sent(request)[0] == {
        "kind": "refine",
        "refine": {
            "level": "fast",
            "solvent": "water",
            "start": "given",
            "hessian": "model",
            "frequencies": True,
            "max_gradients": 7,
            "device": "cpu",
        },
        "model": "small",
        "name": "mine",
        "tags": ["a", "b"],
        "priority": "high",
        "webhook": {"url": WEBHOOK.url, "secret": WEBHOOK.secret},
        "deduplicate": True,
    }


def test_level_is_the_servers_if_not_given(connect: Any, server: FakeJob) -> None:
    connect(server).refine(["C"])
    connect(server).submit(["C"], kind="refine", refine=RefineOptions(level="fast"))
    by_refine, by_submit = (sent(request)[0]["refine"] for request in server.requests)
    assert not {"level", "solvent"} & set(by_refine)
    assert by_submit == {"level": "fast"}


def test_file(connect: Any, server: FakeJob, tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("CCO ethanol\n")
    options = {"name": "é&b", "tags": ["a", "b"], "model": "small"}
    connect(server).refine(path, level="b3lyp/6-31g*", frequencies=True, **options)
    (request,) = server.requests
    assert request.content == path.read_bytes()
    assert request.headers["Content-Type"] == "chemical/x-daylight-smiles"
    assert request.headers["Content-Length"] == str(path.stat().st_size)
    assert request.url.params.get_list("tag") == ["a", "b"]
    assert dict(request.url.params.multi_items()) == {
        "kind": "refine",
        "level": "b3lyp/6-31g*",
        "start": "relaxd",
        "hessian": "gfn2-xtb",
        "frequencies": "true",
        "max_gradients": "100",
        "device": "auto",
        "model": "small",
        "name": "é&b",
        "tag": "b",
        "priority": "normal",
        "deduplicate": "false",
    }


def test_file_takes_no_webhook(connect: Any, server: FakeJob, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("C\n")
    with pytest.raises(ValueError, match="webhook"):
        connect(server).submit(tmp_path / "a.smi", webhook=WEBHOOK)
    assert server.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "dock"},
        {"kind": "relax", "refine": RefineOptions()},
        {"priority": "urgent"},
        {"tags": "tag"},
        {"tags": [""]},
        {"webhook": {"url": "ftp://example.org"}},
    ],
)
def test_options_that_no_server_takes(connect: Any, server: FakeJob, options: Any) -> None:
    with pytest.raises(ValueError, match=next(reversed(options))):
        connect(server).submit(["C"], **options)
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "input:unauthorized"), InputError),
        (problem(413, "limit:too-many-molecules"), LimitError),
        (problem(422, "input:empty-list"), InputError),
        (problem(422, "input:idempotency-key-reused"), InputError),
    ],
)
def test_refusal(
    connect: Any, server: FakeJob, answer: httpx.Response, kind: type[RelaxdError]
) -> None:
    server.faults = [answer]
    with pytest.raises(kind):
        connect(server).submit([])


def test_retries_are_one_submission(connect: Any, server: FakeJob) -> None:
    server.faults = [httpx.ReadError("cut"), problem(503, "resource:draining")]
    client = connect(server)
    client.submit(["C", "CC"])
    client.submit(["C", "CC"])
    first, second, third, other = server.requests
    assert first.headers["Idempotency-Key"] == third.headers["Idempotency-Key"]
    assert second.content == third.content
    assert other.headers["Idempotency-Key"] != third.headers["Idempotency-Key"]


class Reading:
    """Reads of each request what it is told to before it breaks the connection."""

    def __init__(self, server: FakeJob, fault: httpx.Response | Exception, pieces: int) -> None:
        self.server = server
        self.fault = fault
        self.pieces = pieces
        self.n_requests = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.n_requests += 1
        assert isinstance(request.stream, httpx.SyncByteStream)
        for _, _piece in zip(range(self.pieces), request.stream, strict=False):
            pass
        return self._answer()

    async def async_handle(self, request: httpx.Request) -> httpx.Response:
        self.n_requests += 1
        assert isinstance(request.stream, httpx.AsyncByteStream)
        pieces = aiter(request.stream)
        for _ in range(self.pieces):
            await anext(pieces, None)
        return self._answer()

    def _answer(self) -> httpx.Response:
        if self.n_requests < AT_ONCE.attempts:
            if isinstance(self.fault, Exception):
                raise self.fault
            return fresh(self.fault)
        return httpx.Response(202, text=self.server.info.model_dump_json())


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands the request on without reading its body first, as `MockTransport` does."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._reading.handle(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._reading.async_handle(request)


def generated() -> Iterator[str]:
    yield from ["C"] * 50_000


async def async_generated() -> AsyncIterator[str]:
    for smiles in generated():
        yield smiles


@pytest.fixture
def one_shot(mode: str) -> Any:
    return generated() if mode == "sync" else async_generated()


Connecting = Callable[..., Any]


def test_iterator_that_is_partly_used_up(connect: Connecting, one_shot: Any) -> None:
    reading = Reading(FakeJob(1), httpx.WriteError("cut"), pieces=1)
    client = connect(None, transport=Transport(reading))
    with pytest.raises(TransportError, match="cut; not sent again, for the iterator"):
        client.submit(one_shot)
    assert reading.n_requests == 1


def test_refusal_after_a_part_of_an_iterator(connect: Connecting, one_shot: Any) -> None:
    reading = Reading(FakeJob(1), problem(429, "limit:busy"), pieces=1)
    client = connect(None, transport=Transport(reading))
    with pytest.raises(LimitError):
        client.submit(one_shot)
    assert reading.n_requests == 1


def test_iterator_that_is_not_begun_is_sent_later(connect: Connecting, one_shot: Any) -> None:
    reading = Reading(FakeJob(1), httpx.ConnectError("refused"), pieces=0)
    client = connect(None, transport=Transport(reading))
    assert client.submit(one_shot).id == "job1"
    assert reading.n_requests == AT_ONCE.attempts


def test_failed_result_is_not_submitted(connect: Connecting) -> None:
    # Of a status after which one would ask again, had the server sent it.
    error = {"type": "urn:relaxd:error:resource:cancelled", "title": "No", "status": 503}
    failed = Result.model_validate({"status": "error", "error": error})
    reading = Reading(FakeJob(1), httpx.ReadError("cut"), pieces=1)
    with pytest.raises(RelaxdError, match="No"):
        connect(None, transport=Transport(reading)).submit([failed])
    assert reading.n_requests == 1


def test_list_is_sent_again(connect: Connecting) -> None:
    reading = Reading(FakeJob(1), httpx.WriteError("cut"), pieces=1)
    client = connect(None, transport=Transport(reading))
    assert client.submit(["C"] * 50_000).id == "job1"
    assert reading.n_requests == AT_ONCE.attempts


def test_job(connect: Any, server: FakeJob) -> None:
    client = connect(server)
    assert client.job("job1").info == server.info
    with pytest.raises(InputError) as caught:
        client.job("a/b?c")
    assert caught.value.type == "urn:relaxd:error:input:unknown-job"
    assert server.requests[-1].url.raw_path == b"/v1/jobs/a%2Fb%3Fc"


def test_jobs(connect: Any, server: FakeJob) -> None:
    client = connect(server)
    assert [job.id for job in client.jobs()] == ["job3", "job2", "job1"]
    assert [str(request.url.params) for request in server.requests] == ["", "cursor=1", "cursor=2"]
    next(client.jobs(state="running", kind="relax", tag="a b"))
    assert dict(server.requests[-1].url.params) == {
        "state": "running",
        "kind": "relax",
        "tag": "a b",
    }
