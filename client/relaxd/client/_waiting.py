"""How long to wait for a job, and for a server that is away meanwhile."""

import math
from collections.abc import Callable, Sequence

import httpx

from relaxd.client._errors import RelaxdError, TransportError
from relaxd.client._retry import RetryPolicy

PATIENCE = 600.0
"""How long a server may be away while a job is waited for without a timeout. Unit: s."""

SHORTEST_PAUSE = 0.2
"""Between two looks at a job, and before a server that was away is asked again. Unit: s."""

LONGEST_PAUSE = 5.0
"""Between two looks at a job that stays as it is. Unit: s."""

PAUSE_GROWTH = 1.5
"""How much longer each pause is than the last one."""

SILENCE = 45.0
"""After so long without a sign a stream is given up; the server gives one every 15 s. Unit: s."""

LONGEST_CALL = 60.0
"""How long each part of an answer may take while a job is waited for. Unit: s."""

SHORTEST_CALL = 1.0
"""What a call is given even where the time is over, so that there is always one look. Unit: s."""

AWAY_STATUSES = frozenset({429, 502, 503, 504})
"""HTTP statuses of a server that is starting, stopping or busy, or of a proxy before it."""


class Waiting:
    """The time of one wait: its deadline, the pauses, and how long the server has been away.

    Args:
        job_id: what is waited for.
        timeout: in seconds; None for no limit.
        retry: how an absent server is asked again. Its attempts end the wait only where there is
            no timeout, and then not before the server has been away for `PATIENCE`.
        clock: the time now, in seconds.
    """

    def __init__(
        self,
        job_id: str,
        timeout: float | None,
        *,
        retry: RetryPolicy,
        clock: Callable[[], float],
    ) -> None:
        self._job_id = job_id
        self._timeout = math.inf if timeout is None else timeout
        self._retry = retry
        self._clock = clock
        self._deadline = clock() + self._timeout
        self._pause = SHORTEST_PAUSE
        self._failures = 0
        self._away_since = 0.0
        self._streams_work = True

    @property
    def left(self) -> float:
        """The seconds until the deadline."""
        return self._deadline - self._clock()

    @property
    def call_timeout(self) -> float:
        """How long each part of the next answer may take, in seconds."""
        return min(LONGEST_CALL, max(SHORTEST_CALL, self.left))

    @property
    def silence(self) -> float:
        """How long the next stream may be silent, in seconds; zero if there is to be none.

        At most half of what is left: a stream that could outlast the deadline is opened anew.
        """
        is_worth_it = self._streams_work and self.left > SHORTEST_PAUSE
        return min(SILENCE, self.left / 2) if is_worth_it else 0.0

    def server_is_there(self) -> None:
        """Note that the server answered."""
        self._failures = 0

    def note_portion(self, events: Sequence[object]) -> None:
        """Note that a stream brought something, if only a comment."""
        self.server_is_there()
        if events:
            self.job_moved()

    def stream_broke(self, error: RelaxdError, silence: float) -> None:
        """Note how a stream ended, and open no other where it shows that none gets through.

        A proxy may keep a stream back, or refuse it; whether the server is there, calls tell.
        """
        is_kept_back = isinstance(error.__cause__, httpx.ReadTimeout) and silence >= SILENCE
        if is_kept_back or not passes(error):
            self._streams_work = False

    def job_moved(self) -> None:
        """Note that there was news of the job, and may soon be more."""
        self._pause = SHORTEST_PAUSE

    def pause(self) -> float:
        """Return the seconds to wait before the next look at the job.

        Raises:
            TimeoutError: the time is over.
        """
        pause, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * PAUSE_GROWTH)
        return self._within_time(pause, None)

    def pause_after(self, error: RelaxdError) -> float:
        """Return the seconds to wait after a call or a stream has failed.

        Raises:
            TimeoutError: the time is over.
            RelaxdError: the error itself, as it will not pass, or the server is away for too long.
        """
        if not passes(error):
            raise error
        self._failures += 1
        if self._failures == 1:
            self._away_since = self._clock()
        pause = max(SHORTEST_PAUSE, self._retry.wait_after(self._failures, error))
        if self._deadline == math.inf and self._is_patience_over(pause):
            raise error
        return self._within_time(pause, error)

    def _is_patience_over(self, pause: float) -> bool:
        away = self._clock() + pause - self._away_since
        return self._failures >= self._retry.attempts and away > PATIENCE

    def _within_time(self, pause: float, error: RelaxdError | None) -> float:
        left = self.left
        if left <= 0:
            raise TimeoutError(
                f"job {self._job_id} did not end within {self._timeout:g} s"
            ) from error
        return min(pause, left)


def passes(error: RelaxdError) -> bool:
    """Tell whether an error may be one of a server that is only restarted."""
    if isinstance(error, TransportError):
        cause = error.__cause__
        is_ours = isinstance(cause, httpx.UnsupportedProtocol | httpx.LocalProtocolError)
        return isinstance(cause, httpx.TransportError) and not is_ours
    return error.status in AWAY_STATUSES
