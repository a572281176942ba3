"""When to ask again, and how long to wait before that."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from relaxd.client._errors import RelaxdError, TransportError

BUSY_STATUSES = frozenset({429, 503})
"""HTTP statuses that say: later."""

CONNECTION_FAULTS = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
"""Faults after which nothing is being computed for us, so asking again adds no load."""


@dataclass(frozen=True)
class RetryPolicy:
    """How a busy or unreachable server is asked again.

    The n-th wait is drawn uniformly from [0, min(max_wait, initial_wait 2^n)], "full jitter",
    and is never shorter than the server's `Retry-After`.

    Attributes:
        attempts: how often to ask in all; 1 never asks again.
        initial_wait: upper bound of the first wait in seconds.
        max_wait: upper bound of any wait in seconds; a longer `Retry-After` raises at once.
    """

    attempts: int = 6
    initial_wait: float = 0.5
    max_wait: float = 60.0

    def options(self, repeatable: Callable[[], bool]) -> dict[str, Any]:
        """Return the keywords that `tenacity.Retrying` and `AsyncRetrying` share.

        Args:
            repeatable: tells after a failed attempt whether the request can be sent once more.
        """
        return {
            "retry": tenacity.retry_if_exception(
                lambda error: repeatable() and self.should_retry(error)
            ),
            "wait": self.wait,
            "stop": tenacity.stop_after_attempt(self.attempts),
            "reraise": True,
        }

    def should_retry(self, error: BaseException) -> bool:
        """Tell whether the same request may succeed if it is sent again."""
        if isinstance(error, TransportError):
            return isinstance(error.__cause__, CONNECTION_FAULTS)
        if not isinstance(error, RelaxdError) or error.status not in BUSY_STATUSES:
            return False
        return error.retry_after is None or error.retry_after <= self.max_wait

    def wait_after(self, attempts: int, error: BaseException) -> float:
        """Return the seconds to wait after so many failed attempts, the last with this error."""
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = attempts
        state.set_exception((type(error), error, error.__traceback__))
        return self.wait(state)

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds to wait after a failed attempt."""
        backoff = tenacity.wait_random_exponential(self.initial_wait, self.max_wait)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, RelaxdError) else None
        return backoff if asked is None else max(asked, backoff)


DEFAULT_RETRY = RetryPolicy()


def parse_retry_after(
    header: str | None, *, clock: Callable[[], float] = time.time
) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3).

    Args:
        header: a number of seconds, or an HTTP date; None where there is no header.
        clock: the time now, in seconds since the epoch.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - clock())
