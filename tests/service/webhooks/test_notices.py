"""Webhooks: told until they answer, signed, and never at an address that is not public."""

import asyncio
import logging
import socket
import time
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from relaxd.client.schemas import JobInfo, Webhook
from relaxd.service._problems import ProblemError
from relaxd.service.store import Database, Notice, Webhooks
from relaxd.service.webhooks import _notices
from relaxd.service.webhooks._notices import AT_ONCE, BACKOFF, HOLD_SECONDS, check_webhook
from relaxd.service.webhooks._signatures import sign

from ..store.doubles import OWNER, Clock, Store
from .doubles import (
    PUBLIC,
    SECRET,
    URL,
    Names,
    Receiver,
    documented_check,
    ended_job,
    is_due_again,
    is_told,
    running,
    until,
)

pytestmark = pytest.mark.anyio


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
