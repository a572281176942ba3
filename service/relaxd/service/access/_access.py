"""Who may call: API keys, and what each of them is allowed.

At an address that other machines can reach, a key is always needed; at a loopback address, as soon
as there is one that is not revoked. With `--insecure` none ever is.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy.exc import DBAPIError

from relaxd.service._loopback import is_loopback
from relaxd.service._problems import ProblemError
from relaxd.service._settings import Settings
from relaxd.service.access._known import KnownKeys
from relaxd.service.access._rates import Rates
from relaxd.service.store import Keys, id_in

logger = logging.getLogger(__name__)

BEARER = HTTPBearer(auto_error=False, description="An API key; `relaxd keys create` makes one.")
"""Describes the header; the guard is what checks it."""


class ExposedError(Exception):
    """Other machines could reach the service, and nothing would keep anybody out."""


@dataclass(frozen=True)
class Caller:
    """Who calls.

    Attributes:
        owner: id of the key, to which jobs belong; empty where no key is needed.
        molecules_per_day: how many it may send; None does not bound them.
    """

    owner: str = ""
    molecules_per_day: int | None = None


class Access:
    """Tells who calls, and whether they may.

    Args:
        settings: what the operator set.
        keys: the keys there are.
        clock: tells the time, in seconds from anywhere.
    """

    def __init__(
        self, settings: Settings, keys: Keys, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_insecure = settings.insecure
        self._loopback = is_loopback(settings.host)
        self._keys = keys
        self._known = KnownKeys(keys, clock)
        self._rates = Rates(clock)

    async def admit(self, authorization: str, address: str) -> Caller:
        """Let a call pass, and return who makes it.

        Args:
            authorization: the header of this name, empty where there is none.
            address: of the caller, for the log.

        Raises:
            ProblemError: it needs a key and has none, or its key makes too many calls.
        """
        if not await self._needs_key():
            return Caller()
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise _unauthorized("This call needs a key, in the header `Authorization: Bearer KEY`.")
        info = await self._known.find(token)
        if info is None:
            # Never the token: what follows its id may be right but for a letter.
            logger.warning("refused the key %s from %s", id_in(token) or "of no id", address)
            raise _unauthorized("This key is not known here, or it was revoked.")
        if info.requests_per_minute is not None:
            wait = self._rates.take(info.id, info.requests_per_minute)
            if wait:
                detail = f"This key may make {info.requests_per_minute} requests in a minute."
                raise _too_much("rate", detail, wait)
        return Caller(info.id, info.molecules_per_day)

    async def spend(self, caller: Caller, n: int) -> None:
        """Count molecules against the caller's quota: all of them, or none.

        Raises:
            ProblemError: they are more than may still come today, or than may come on any day.
        """
        limit = caller.molecules_per_day
        if limit is None:
            return
        if n > limit:
            detail = f"{n} molecules; this key may send {limit} in a day."
            raise ProblemError("limit", "too-many-molecules", detail)
        wait = await asyncio.to_thread(self._keys.spend, caller.owner, n, limit)
        if wait is not None:
            detail = f"With these {n} molecules, this key would send more than {limit} today (UTC)."
            raise _too_much("quota", detail, wait)

    async def give_back(self, caller: Caller, n: int) -> None:
        """Take molecules that were counted, and then not accepted, off the quota."""
        if caller.molecules_per_day is None:
            return
        try:
            await asyncio.to_thread(self._keys.give_back, caller.owner, n)
        except DBAPIError:  # the caller is told why the molecules were not accepted, not this
            logger.exception("%d molecules were not given back to the key %s", n, caller.owner)

    async def _needs_key(self) -> bool:
        if self.is_insecure:
            return False
        return not self._loopback or await self._known.any_active()


def caller(request: Request, _: Annotated[object, Depends(BEARER)]) -> Caller:
    """Return who makes a request that was let pass."""
    found: Caller = request.scope["caller"]
    return found


def access(request: Request) -> Access:
    """Return what counts the quotas."""
    found: Access = request.app.state.access
    return found


CallerDep = Annotated[Caller, Depends(caller)]
AccessDep = Annotated[Access, Depends(access)]


def check_exposed(settings: Settings, keys: Keys) -> None:
    """Return if only those who may can use the service at its address.

    Raises:
        ExposedError: other machines can reach it, and there is no key.
    """
    if settings.insecure or is_loopback(settings.host) or keys.any_active():
        return
    raise ExposedError(
        f"{settings.host or 'this address'} can be reached from other machines, and there are no "
        "API keys: make one with `relaxd keys create NAME`, listen on 127.0.0.1, or say --insecure "
        "if something else guards the service"
    )


def _unauthorized(detail: str) -> ProblemError:
    headers = {"WWW-Authenticate": "Bearer"}
    return ProblemError("input", "unauthorized", detail, status=401, headers=headers)


def _too_much(code: str, detail: str, wait: float) -> ProblemError:
    headers = {"Retry-After": str(math.ceil(wait))}
    return ProblemError("limit", code, detail, status=429, headers=headers)
