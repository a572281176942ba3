"""Telling webhooks that jobs have ended, until they answer 2xx, or for the last time."""

import asyncio
import importlib.metadata
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable

import httpx
from sqlalchemy.exc import DBAPIError

from relaxd.client.schemas import JobInfo, Webhook
from relaxd.service._logging import logged_as
from relaxd.service.store import Jobs, Notice, Webhooks
from relaxd.service.webhooks._addresses import (
    Resolver,
    SystemResolver,
    addresses_of,
    check_url,
    host_of,
)
from relaxd.service.webhooks._signatures import check_secret, sign

logger = logging.getLogger(__name__)

BACKOFF = (30.0, 120.0, 600.0, 3600.0, 21600.0)
"""Waits after each try that failed; one more that fails is the last. Unit: s."""

TIMEOUT = 10.0
"""For so long a receiver may take in all. Unit: s."""

CONNECT_TIMEOUT = 3.0
"""For so long one of its addresses may take to be reached, before the next is tried. Unit: s."""

HOLD_SECONDS = 90.0
"""If a server is killed while it tells a receiver, another try is made after this. Unit: s."""

POLL_SECONDS = 2.0
"""How often to look for jobs that have ended. Unit: s."""

AT_ONCE = 16
"""How many receivers are told at the same time."""


class Notifier:
    """Tells webhooks.

    Args:
        webhooks: which are to be told.
        jobs: of what.
        allow_private: whether receivers may have addresses that are not public.
        transport: makes the connections.
        resolver: looks the names of receivers up.
        clock: tells the time, in seconds since the epoch.
        poll: how often to look for jobs that have ended, s.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        jobs: Jobs,
        *,
        allow_private: bool,
        transport: httpx.AsyncBaseTransport | None = None,
        resolver: Resolver | None = None,
        clock: Callable[[], float] = time.time,
        poll: float = POLL_SECONDS,
    ) -> None:
        self._webhooks = webhooks
        self._jobs = jobs
        self._allow_private = allow_private
        self._transport = transport or make_transport()
        self._resolve = resolver or SystemResolver()
        self._clock = clock
        self._poll = poll
        self.outcomes: Counter[str] = Counter()
        """What came of each try here: `told`, `failed`, or, if it was the last, `given-up`."""

    async def run(self) -> None:
        """Tell receivers until cancelled; those being told then are told again later."""
        telling: set[asyncio.Task[None]] = set()
        async with self._transport, asyncio.TaskGroup() as group:
            while True:
                due = await self._take(AT_ONCE - len(telling))
                telling |= {group.create_task(self._tell(notice)) for notice in due}
                if telling:
                    _, telling = await asyncio.wait(
                        telling, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED
                    )
                else:
                    await asyncio.sleep(self._poll)

    async def _take(self, n: int) -> list[Notice]:
        """Return up to so many notices that are due."""
        if n == 0:
            return []
        try:
            return await asyncio.to_thread(self._webhooks.take, n, HOLD_SECONDS)
        except DBAPIError as error:
            logger.warning("no webhooks are told while the database is away: %s", error)
            return []

    async def _tell(self, notice: Notice) -> None:
        """Tell a receiver, and keep what came of it."""
        with logged_as(job_id=notice.job_id):
            await self._settle(notice)

    async def _settle(self, notice: Notice) -> None:
        try:
            again_in = await self._try(notice)
            await asyncio.to_thread(self._webhooks.settle, notice.job_id, again_in=again_in)
        except Exception:  # it is due again when its hold is over, and the others are told
            logger.exception("what came of the webhook of job %s is not known", notice.job_id)

    async def _try(self, notice: Notice) -> float | None:
        """Tell a receiver; return when to try again, s, or None if there is nothing more to do."""
        info = await asyncio.to_thread(self._jobs.get, notice.job_id, notice.owner)
        if info is None:  # deleted meanwhile
            return None
        try:
            async with asyncio.timeout(TIMEOUT):
                status = await self._post(notice, info)
            fault = None if 200 <= status < 300 else f"it answered {status}"
        except Exception as error:  # whatever a receiver does, the others are told
            fault = f"{type(error).__name__}: {error}"
        if fault is None:
            self.outcomes["told"] += 1
            return None
        again_in = BACKOFF[notice.tries] if notice.tries < len(BACKOFF) else None
        self.outcomes["given-up" if again_in is None else "failed"] += 1
        outcome = "given up" if again_in is None else f"again in {again_in:.0f} s"
        logger.warning("the webhook of job %s is not told, %s: %s", notice.job_id, outcome, fault)
        return again_in

    async def _post(self, notice: Notice, info: JobInfo) -> int:
        """Send a notice to the first address that takes it, and return the answer's status."""
        url = httpx.URL(notice.url)
        body = info.model_dump_json().encode()
        headers = _headers(notice, body, int(self._clock()))
        addresses = await addresses_of(url, self._resolve, allow_private=self._allow_private)
        fault: Exception = OSError(f"{url.host} has no address")
        for address in addresses:
            try:
                # By the transport itself: a client has cookies, proxies and passwords of its own.
                response = await self._transport.handle_async_request(
                    _request(url, address, headers, body)
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                fault = error
            else:
                await response.aclose()  # whatever its body is, nobody reads it
                return response.status_code
        raise fault


def check_webhook(webhook: Webhook, *, allow_private: bool) -> None:
    """Return if a webhook can be accepted, as far as can be told without a lookup.

    Raises:
        ProblemError: its URL or its secret is of no use, or its host is obviously private.
    """
    check_url(webhook.url, allow_private=allow_private)
    if webhook.secret is not None:
        check_secret(webhook.secret)


def _request(url: httpx.URL, address: str, headers: dict[str, str], body: bytes) -> httpx.Request:
    """Return a request that goes to one address of a URL's host, and is meant for that host."""
    return httpx.Request(
        "POST",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), **headers},
        content=body,
        extensions={
            "sni_hostname": host_of(url),  # the certificate has to be of this name
            "timeout": httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT).as_dict(),
        },
    )


def _headers(notice: Notice, body: bytes, timestamp: int) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"relaxd/{importlib.metadata.version('relaxd')}",
        "webhook-id": notice.job_id,
        "webhook-timestamp": str(timestamp),
    }
    if notice.secret is not None:
        headers["webhook-signature"] = sign(notice.secret, notice.job_id, timestamp, body)
    return headers


def make_transport(verify: ssl.SSLContext | bool = True) -> httpx.AsyncHTTPTransport:
    """Return what uses no connection twice: by its address, it could be that of another name."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=verify, limits=limits)
