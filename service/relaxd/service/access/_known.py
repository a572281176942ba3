"""What the database says of keys, remembered for a few seconds."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from relaxd.service._problems import RETRY_AFTER, ProblemError
from relaxd.service.store import KeyInfo, Keys

MEMORY_SECONDS = 5.0
"""A key that is revoked is refused after this time at the latest; so is a call without a key after
the first key was made. Unit: s."""

STALE_SECONDS = 600.0
"""What was found is believed for so long while the database is away: nobody can revoke a key then.
Unit: s."""

LOOKUP_SECONDS = 3.0
"""After so long a lookup has found the database away. Unit: s."""

LOOKUPS = 4
"""How many lookups run at once: wrong keys, however many, leave threads to everything else."""

ANY = "any"
"""Under this name is remembered whether there are keys at all."""


class KnownKeys:
    """Looks keys up in threads, and remembers those that it finds.

    Wrong keys are not remembered: a caller can make up any number of them.

    Args:
        keys: where to look.
        clock: tells the time, in seconds from anywhere.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._slots = asyncio.Semaphore(LOOKUPS)
        self._answers: dict[str, tuple[float, Any]] = {}  # what is forgotten first comes first

    async def find(self, token: str) -> KeyInfo | None:
        """Return the active key of a token."""
        # By its hash, so that no memory dump holds the tokens of all who called.
        name = hashlib.sha256(token.encode()).hexdigest()
        found: KeyInfo | None = await self._ask(name, self._keys.find, token)
        return found

    async def any_active(self) -> bool:
        """Tell whether there is a key that is not revoked."""
        answer: bool = await self._ask(ANY, self._keys.any_active)
        return answer

    def __len__(self) -> int:
        return len(self._answers)

    async def _ask(self, name: str, lookup: Callable[..., Any], *arguments: str) -> Any:
        if (answer := self._recall(name)) is not None:
            return answer
        async with self._slots:
            if (answer := self._recall(name)) is not None:  # another call has asked meanwhile
                return answer
            until = self._clock() + MEMORY_SECONDS
            try:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    answer = await asyncio.to_thread(lookup, *arguments)
            except (TimeoutError, SQLAlchemyError) as error:
                return self._believed(name, error)
        self._answers.pop(name, None)
        if answer is not None:
            self._answers[name] = (until, answer)
        return answer

    def _recall(self, name: str) -> Any:
        now = self._clock()
        while self._answers and next(iter(self._answers.values()))[0] <= now - STALE_SECONDS:
            del self._answers[next(iter(self._answers))]
        until, answer = self._answers.get(name, (now, None))
        return answer if until > now else None

    def _believed(self, name: str, error: Exception) -> Any:
        """Return what was found before, however old.

        Raises:
            ProblemError: nothing was.
        """
        if name in self._answers:
            return self._answers[name][1]
        detail = "Keys cannot be looked up: the database is away."
        raise ProblemError("resource", "database-away", detail, headers=RETRY_AFTER) from error
