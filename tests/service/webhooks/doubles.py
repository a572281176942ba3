"""Receivers, names and notifiers, and what has become of a notice."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from sqlalchemy import select

from relaxd.client.schemas import Webhook
from relaxd.service.store._tables import JobRow
from relaxd.service.webhooks import _signatures
from relaxd.service.webhooks._notices import Notifier

from ..store.doubles import Store

PUBLIC = "93.184.215.14"
SECRET = "a secret of enough letters"  # noqa: S105
URL = "https://receiver.example:8443/hook?job=1"


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
