"""Webhooks: told until they answer, signed, and never at an address that is not public."""

import asyncio
import contextlib
import http.server
import json
import logging
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from relaxd.client.schemas import JobInfo, Webhook
from relaxd.service._problems import ProblemError
from relaxd.service.store import Database, Notice, Webhooks, migrate
from relaxd.service.store._tables import JobRow
from relaxd.service.webhooks import _notices, _signatures
from relaxd.service.webhooks._notices import AT_ONCE, BACKOFF, HOLD_SECONDS, Notifier, check_webhook
from relaxd.service.webhooks._signatures import sign

from .store.doubles import OWNER, Clock, Store

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"
SECRET = "a secret of enough letters"  # noqa: S105
URL = "https://receiver.example:8443/hook?job=1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/relaxd.db", clock)) as database:
        migrate(database)
        yield Store(database)


class Receiver:
    """Answers requests as it is told to, and remembers them."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"Location": "https://elsewhere.example/"})


class Names:
    """Knows the addresses of every host, and what it was asked."""

    def __init__(self, *addresses: str | Exception) -> None:
        self.addresses = addresses or (PUBLIC,)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        for address in self.addresses:
            if isinstance(address, Exception):
                raise address
        return [str(address) for address in self.addresses]


def ended_job(store: Store, url: str = URL, secret: str | None = SECRET) -> str:
    job_id = store.submit(1, webhook=Webhook(url=url, secret=secret))
    store.work_off()
    return job_id


def kept(store: Store, job_id: str) -> tuple[float | None, int]:
    """When the webhook is to be told next, and how often that was tried."""
    with store.database.read() as connection:
        row = connection.execute(select(JobRow.__table__).where(JobRow.id == job_id)).one()
    return row.webhook_at, row.webhook_tries


@contextlib.asynccontextmanager
async def running(
    store: Store, handler: Any, *, resolver: Any = None, **options: Any
) -> AsyncIterator[None]:
    """Run a notifier whose connections all end at a handler, or at a transport."""
    is_transport = isinstance(handler, httpx.AsyncBaseTransport)
    options = {"allow_private": False, "poll": 0.01, "webhooks": store.webhooks} | options
    notifier = Notifier(
        jobs=store.jobs,
        transport=handler if is_transport else httpx.MockTransport(handler),
        resolver=resolver or Names(),
        **options,
    )
    task = asyncio.create_task(notifier.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def is_told(store: Store, job_id: str) -> Callable[[], bool]:
    return lambda: kept(store, job_id)[0] is None


def is_due_again(store: Store, job_id: str, seconds: float) -> Callable[[], bool]:
    def condition() -> bool:
        at, _ = kept(store, job_id)
        return at is not None and abs(at - store.database.now() - seconds) < 20.0

    return condition


def documented_check() -> Callable[..., bool]:
    """The function that the documentation gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", str(_signatures.__doc__), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    check: Callable[..., bool] = names["is_genuine"]
    return check


async def test_a_job_that_has_ended_is_told_once(store: Store) -> None:
    receiver = Receiver()
    running_job = store.submit(1, webhook=Webhook(url=URL))
    async with running(store, receiver):
        await asyncio.sleep(0.1)
        assert receiver.requests == []
        store.work_off()
        await until(is_told(store, running_job))
        await asyncio.sleep(0.1)
    (request,) = receiver.requests
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == running_job
    assert JobInfo.model_validate_json(request.content) == store.jobs.get(running_job, OWNER)
    assert "secret" not in request.content.decode()


async def test_the_signature_is_what_the_documentation_checks(store: Store) -> None:
    receiver, is_genuine = Receiver(), documented_check()
    job_id = ended_job(store)
    async with running(store, receiver):
        await until(is_told(store, job_id))
    (request,) = receiver.requests
    assert is_genuine(request.headers, request.content, SECRET)
    assert not is_genuine(request.headers, request.content + b" ", SECRET)
    assert not is_genuine(request.headers, request.content, "another secret of letters")
    late = {**request.headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    assert not is_genuine(late, request.content, SECRET)


async def test_without_a_secret_it_is_unsigned(store: Store) -> None:
    receiver = Receiver()
    job_id = ended_job(store, secret=None)
    async with running(store, receiver, clock=lambda: 1614265330.9):
        await until(is_told(store, job_id))
    (request,) = receiver.requests
    assert "webhook-signature" not in request.headers
    assert request.headers["webhook-timestamp"] == "1614265330"


def test_the_example_of_standard_webhooks() -> None:
    body = b'{"test": 2432232314}'
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("fault", [301, 307, 404, 410, 500, httpx.ReadError("cut off")])
async def test_what_fails_is_tried_again(store: Store, clock: Clock, fault: Any) -> None:
    receiver = Receiver(fault)
    job_id = ended_job(store)
    async with running(store, receiver):
        await until(is_due_again(store, job_id, BACKOFF[0]))
        assert len(receiver.requests) == 1
        clock.advance(BACKOFF[0])
        await until(is_told(store, job_id))
    assert [request.url.host for request in receiver.requests] == [PUBLIC] * 2
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert ids == [job_id] * 2


async def test_after_the_last_try_it_is_given_up(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(*[500] * 10)
    job_id = ended_job(store)
    async with running(store, receiver):
        for seconds in BACKOFF:
            await until(is_due_again(store, job_id, seconds))
            clock.advance(seconds)
        await until(is_told(store, job_id))
    assert len(receiver.requests) == len(BACKOFF) + 1
    assert "given up: it answered 500" in caplog.messages[-1]
    assert job_id in caplog.messages[-1]


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::ffff:169.254.169.254"], ["::1"], ["fe80::1%eth0"]],
)
async def test_no_address_that_is_not_public(
    store: Store, caplog: pytest.LogCaptureFixture, addresses: list[str]
) -> None:
    receiver = Receiver()
    job_id = ended_job(store)
    async with running(store, receiver, resolver=Names(*addresses)):
        await until(is_due_again(store, job_id, BACKOFF[0]))
    assert receiver.requests == []
    assert "not a public address" in caplog.text


async def test_the_address_that_was_checked_is_the_one(store: Store) -> None:
    receiver, names = Receiver(), Names()
    job_id = ended_job(store)
    async with running(store, receiver, resolver=names):
        await until(is_told(store, job_id))
    (request,) = receiver.requests
    assert str(request.url) == URL.replace("receiver.example", PUBLIC)
    assert request.headers["Host"] == "receiver.example:8443"
    assert request.extensions["sni_hostname"] == "receiver.example"
    assert names.asked == [("receiver.example", 8443)]


async def test_the_next_address_is_tried(store: Store) -> None:
    receiver = Receiver(httpx.ConnectError("no route"), httpx.ConnectTimeout("slow"))
    job_id = ended_job(store, "http://receiver.example/")
    addresses = ["2606:4700::1111", "1.1.1.1", PUBLIC]
    async with running(store, receiver, resolver=Names(*addresses)):
        await until(is_told(store, job_id))
    assert [request.url.host for request in receiver.requests] == addresses
    assert {request.headers["Host"] for request in receiver.requests} == {"receiver.example"}


@pytest.mark.parametrize("fault", [socket.gaierror("unknown"), UnicodeError("label too long")])
async def test_names_that_are_not_known(store: Store, fault: Exception) -> None:
    job_id = ended_job(store)
    async with running(store, Receiver(), resolver=Names(fault)):
        await until(is_due_again(store, job_id, BACKOFF[0]))


async def test_no_receiver_can_hold_the_others_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_notices, "TIMEOUT", 1.0)
    n_open = most_open = 0

    async def hang(request: httpx.Request) -> httpx.Response:
        nonlocal n_open, most_open
        if "slow" not in request.headers["Host"]:
            return httpx.Response(200)
        n_open += 1
        most_open = max(most_open, n_open)
        try:
            await asyncio.sleep(3600)
        finally:
            n_open -= 1
        raise AssertionError

    slow = [ended_job(store, f"https://slow{i}.example/") for i in range(AT_ONCE - 1)]
    quick = ended_job(store, "https://quick.example/")
    async with running(store, hang):
        await until(is_told(store, quick))
        assert n_open == AT_ONCE - 1
        for job_id in slow:
            await until(is_due_again(store, job_id, BACKOFF[0]))
    assert (n_open, most_open) == (0, AT_ONCE - 1)


async def test_a_notice_that_is_cut_off_comes_again(store: Store, clock: Clock) -> None:
    begun = asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        begun.set()
        await asyncio.sleep(3600)
        raise AssertionError

    job_id = ended_job(store)
    async with running(store, hang):
        await begun.wait()
    receiver = Receiver()
    async with running(store, receiver):
        await asyncio.sleep(0.1)
        assert receiver.requests == []
        clock.advance(HOLD_SECONDS)
        await until(is_told(store, job_id))
    assert len(receiver.requests) == 1


async def test_two_notifiers_tell_once(store: Store) -> None:
    receiver = Receiver()
    jobs = [ended_job(store) for _ in range(20)]
    async with running(store, receiver), running(store, receiver):
        for job_id in jobs:
            await until(is_told(store, job_id))
    assert sorted(request.headers["webhook-id"] for request in receiver.requests) == jobs


async def test_a_job_that_was_deleted_is_not_told(store: Store) -> None:
    receiver = Receiver()
    job_id = ended_job(store)
    notice = Notice(job_id, OWNER, URL, SECRET, 0)
    store.jobs.purge(job_id)
    webhooks = Faulty(store.database, [notice])
    async with running(store, receiver, webhooks=webhooks):
        await until(lambda: webhooks.settled == [(job_id, None)])
    assert receiver.requests == []


class Faulty(Webhooks):
    """Hands out notices that are not due, or fails."""

    def __init__(self, database: Database, *answers: list[Notice] | Exception) -> None:
        super().__init__(database)
        self.answers = list(answers)
        self.settled: list[tuple[str, float | None]] = []

    def take(self, n: int, seconds: float) -> list[Notice]:
        answer = self.answers.pop(0) if self.answers else super().take(n, seconds)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def settle(self, job_id: str, *, again_in: float | None) -> None:
        self.settled.append((job_id, again_in))
        if job_id == "fails":
            raise ZeroDivisionError
        super().settle(job_id, again_in=again_in)


async def test_it_outlives_a_database_that_is_away(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    away = OperationalError("SELECT", {}, Exception("away"))
    webhooks = Faulty(store.database, away, [Notice("fails", OWNER, URL, None, 0)])
    job_id = ended_job(store)
    async with running(store, Receiver(), webhooks=webhooks):
        await until(is_told(store, job_id))
    assert "database is away" in caplog.text
    assert any(record.levelno == logging.ERROR for record in caplog.records)


class Endless(http.server.BaseHTTPRequestHandler):
    """Takes a notice, and answers with a body that does not end."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.received.append((dict(self.headers), self.rfile.read(length)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 65536)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endless() -> Iterator[Any]:
    """An HTTP server on the loopback address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def test_over_a_socket(store: Store, endless: Any) -> None:
    url = f"http://localhost:{endless.server_port}/hook"
    job_id = ended_job(store, url)
    notifier = Notifier(store.webhooks, store.jobs, allow_private=True, poll=0.01)
    task = asyncio.create_task(notifier.run())
    await until(is_told(store, job_id))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ((headers, body),) = endless.received
    assert headers["Host"] == f"localhost:{endless.server_port}"
    assert json.loads(body)["state"] == "succeeded"
    assert documented_check()(headers, body, SECRET)


async def test_loopback_is_refused_unless_allowed(store: Store, endless: Any) -> None:
    job_id = ended_job(store, f"http://127.0.0.1:{endless.server_port}/hook")
    notifier = Notifier(store.webhooks, store.jobs, allow_private=False, poll=0.01)
    task = asyncio.create_task(notifier.run())
    await until(is_due_again(store, job_id, BACKOFF[0]))
    task.cancel()
    assert endless.received == []


@pytest.mark.parametrize(
    "secret", ["whsec_not base64 at all", "whsec_MfKQ9r8GKYqrTwj", "whsec_µµµµµµµµµµ"]
)
def test_secrets_that_no_key_can_be_made_of(secret: str) -> None:
    with pytest.raises(ProblemError, match="base64"):
        check_webhook(Webhook(url=URL, secret=secret), allow_private=False)


@pytest.mark.parametrize(
    "secret", [None, SECRET, "µ" * 16, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
)
def test_secrets_that_are_accepted(secret: str | None) -> None:
    check_webhook(Webhook(url=URL, secret=secret), allow_private=False)
