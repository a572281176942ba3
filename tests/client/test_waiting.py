"""The time of a wait, with an injected clock."""

from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import pytest

from relaxd.client import InputError, LimitError, RelaxdError, RetryPolicy, TransportError
from relaxd.client._errors import error_from_problem
from relaxd.client._waiting import (
    LONGEST_CALL,
    LONGEST_PAUSE,
    PATIENCE,
    SHORTEST_CALL,
    SHORTEST_PAUSE,
    SILENCE,
    Waiting,
    passes,
)
from relaxd.client.schemas import Problem

from .doubles import FakeTime


def begin(timeout: float | None, **policy: Any) -> tuple[Waiting, FakeTime]:
    time = FakeTime()
    return Waiting("job1", timeout, retry=RetryPolicy(**policy), clock=time.clock), time


def broken(cause: Exception) -> TransportError:
    error = TransportError("broken")
    error.__cause__ = cause
    return error


def sleep_on(time: FakeTime, pause: Callable[[], float]) -> NoReturn:
    while True:
        time.sleep(pause())


REFUSED = broken(httpx.ConnectError("refused"))


def refusal(status: int, retry_after: float | None = None) -> RelaxdError:
    return error_from_problem(Problem(title="No", status=status), retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (REFUSED, True),
        (broken(httpx.ReadTimeout("slow")), True),
        (broken(httpx.RemoteProtocolError("cut")), True),
        (broken(httpx.UnsupportedProtocol("ftp")), False),
        (broken(ValueError("foreign")), False),
        (TransportError("foreign"), False),
        *((refusal(status), True) for status in (429, 502, 503, 504)),
        *((refusal(status), False) for status in (400, 401, 403, 404, 413, 422, 500, 501)),
    ],
)
def test_what_passes(error: RelaxdError, expected: bool) -> None:
    assert passes(error) is expected


def test_pauses_grow_until_there_is_news() -> None:
    waiting, _ = begin(None)
    pauses = [waiting.pause() for _ in range(12)]
    assert pauses[:3] == pytest.approx([0.2, 0.3, 0.45])
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    waiting.note_portion([])
    assert waiting.pause() == LONGEST_PAUSE
    waiting.note_portion(["event"])
    assert waiting.pause() == SHORTEST_PAUSE


def test_pauses_end_with_the_timeout() -> None:
    waiting, time = begin(1.0)
    with pytest.raises(TimeoutError, match="job job1 did not end within 1 s"):
        sleep_on(time, waiting.pause)
    assert time.now == 1001.0


def test_server_may_be_away_for_as_long_as_the_timeout() -> None:
    waiting, time = begin(10_000.0, attempts=1, max_wait=20.0)
    with pytest.raises(TimeoutError) as caught:
        sleep_on(time, lambda: waiting.pause_after(REFUSED))
    assert time.now == 11_000.0
    assert caught.value.__cause__ is REFUSED
    assert max(time.slept) <= 20.0


@pytest.mark.parametrize("attempts", [1, 6])
def test_patience_without_a_timeout(attempts: int) -> None:
    waiting, time = begin(None, attempts=attempts, initial_wait=10.0, max_wait=10.0)
    with pytest.raises(TransportError, match="broken"):
        sleep_on(time, lambda: waiting.pause_after(REFUSED))
    assert PATIENCE - 10.0 < time.now - 1000.0 <= PATIENCE


def test_patience_counts_from_the_last_answer() -> None:
    waiting, time = begin(None, max_wait=1.0)
    for _ in range(3):
        waiting.pause_after(REFUSED)
        time.sleep(PATIENCE - 2.0)
        waiting.server_is_there()
    assert waiting.pause_after(REFUSED) <= 1.0


def test_attempts_are_made_even_if_patience_is_over() -> None:
    waiting, time = begin(None, attempts=3, max_wait=1.0)
    waiting.pause_after(REFUSED)
    time.sleep(2 * PATIENCE)
    waiting.pause_after(REFUSED)
    with pytest.raises(TransportError):
        waiting.pause_after(REFUSED)


def test_never_at_once_and_never_earlier_than_asked() -> None:
    waiting, _ = begin(None, initial_wait=0.0)
    assert waiting.pause_after(REFUSED) == SHORTEST_PAUSE
    assert waiting.pause_after(refusal(503, retry_after=30.0)) == 30.0


def test_what_does_not_pass_is_raised() -> None:
    waiting, _ = begin(5.0)
    with pytest.raises(InputError):
        waiting.pause_after(refusal(404))
    with pytest.raises(LimitError):
        waiting.pause_after(LimitError("of the caller's own"))


def test_time_for_a_call() -> None:
    assert begin(None)[0].call_timeout == LONGEST_CALL
    assert begin(7.0)[0].call_timeout == 7.0
    assert begin(0.0)[0].call_timeout == SHORTEST_CALL


def test_time_for_a_stream() -> None:
    assert begin(None)[0].silence == SILENCE
    assert begin(10.0)[0].silence == 5.0
    assert begin(0.0)[0].silence == 0.0


@pytest.mark.parametrize(
    ("error", "silence", "again"),
    [
        (broken(httpx.ReadError("cut")), SILENCE, True),
        (refusal(503), SILENCE, True),
        (broken(httpx.ReadTimeout("short")), SILENCE / 2, True),
        (broken(httpx.ReadTimeout("kept back")), SILENCE, False),
        (refusal(405), SILENCE, False),
        (TransportError("no stream"), SILENCE, False),
    ],
)
def test_streams_that_do_not_get_through(error: RelaxdError, silence: float, again: bool) -> None:
    waiting, _ = begin(None)
    waiting.stream_broke(error, silence)
    assert bool(waiting.silence) is again
