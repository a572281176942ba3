"""Waiting times, with an injected clock."""

from types import SimpleNamespace
from typing import Any

import pytest

from relaxd.client import LimitError, RetryPolicy
from relaxd.client._retry import parse_retry_after

NOON = 1767268800.0  # 2026-01-01 12:00:00 UTC


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, clock=lambda: NOON) == seconds


def _wait(policy: RetryPolicy, attempt: int, retry_after: float | None) -> float:
    error = LimitError("busy", retry_after=retry_after)
    outcome = SimpleNamespace(exception=lambda: error)
    state: Any = SimpleNamespace(attempt_number=attempt, outcome=outcome)
    return policy.wait(state)


@pytest.mark.parametrize("attempt", [1, 2, 3, 10])
def test_backoff_grows_to_its_bound(attempt: int) -> None:
    policy = RetryPolicy(initial_wait=1.0, max_wait=8.0)
    waits = [_wait(policy, attempt, None) for _ in range(200)]
    bound = min(8.0, 2.0 ** (attempt - 1))
    assert bound / 2 < max(waits) <= bound
    assert min(waits) < bound / 2


def test_never_earlier_than_asked() -> None:
    policy = RetryPolicy(initial_wait=1.0, max_wait=8.0)
    assert all(_wait(policy, 1, 5.0) == 5.0 for _ in range(50))
