"""The micro-batcher on its own, with a model that is a function."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from relaxd.service._batcher import Batcher

pytestmark = pytest.mark.anyio

IntBatcher = Batcher[int, int]


@asynccontextmanager
async def running(
    model: Callable[[Sequence[int]], list[int]], **options: Any
) -> AsyncIterator[IntBatcher]:
    """A batcher of items that are their own numbers of atoms."""
    defaults: dict[str, Any] = {
        "n_atoms": lambda n: n,
        "budget": 100,
        "wait": 0.0,
        "n_expected": lambda: 0,
        "is_out_of_memory": lambda error: isinstance(error, MemoryError),
    }
    batcher: IntBatcher = Batcher(model, **(defaults | options))
    task = asyncio.create_task(batcher.run())
    try:
        yield batcher
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        batcher.close()


class Recorder:
    """Squares its items; fails on those it is told to; while `gate` is closed, holds."""

    def __init__(self, *, bad: Sequence[int] = (), limit: int = 10**9) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._bad = bad
        self._limit = limit

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.gate.wait()
        self.batches.append(list(items))
        if sum(item**2 for item in items) > self._limit:
            raise MemoryError
        if set(items) & set(self._bad):
            raise ValueError("bad")
        return [item**2 for item in items]


async def test_idle_runs_at_once() -> None:
    model = Recorder()
    async with running(model, wait=3600.0) as batcher:
        assert await batcher.submit(3) == 9
        assert await batcher.submit(4) == 16
    assert model.batches == [[3], [4]]


async def test_what_arrives_meanwhile_runs_together_within_the_budget() -> None:
    model = Recorder()
    model.gate.clear()
    async with running(model, budget=50) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batcher.submit(n)) for n in (2, 3, 4, 5, 20, 2, 2)]
        await asyncio.sleep(0.05)
        model.gate.set()
        assert await asyncio.gather(first, *rest) == [1, 4, 9, 16, 25, 400, 4, 4]
    assert model.batches == [[1], [2, 3, 4], [5], [20], [2, 2]]


async def test_waits_for_items_on_their_way() -> None:
    model, on_their_way = Recorder(), 1
    async with running(model, wait=3600.0, n_expected=lambda: on_their_way) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.05)
        assert model.batches == []
        on_their_way = 0
        assert await asyncio.gather(first, batcher.submit(2)) == [1, 4]
    assert model.batches == [[1, 2]]


async def test_waits_no_longer_than_told() -> None:
    async with running(Recorder(), wait=0.001, n_expected=lambda: 1) as batcher:
        assert await batcher.submit(3) == 9


async def test_waits_no_longer_than_the_batch_before_ran() -> None:
    on_their_way = 0
    async with running(Recorder(), wait=3600.0, n_expected=lambda: on_their_way) as batcher:
        assert await batcher.submit(3) == 9
        on_their_way = 1
        assert await batcher.submit(4) == 16


async def test_only_the_item_at_fault_fails() -> None:
    model = Recorder(bad=[3])
    async with running(model, wait=0.05, n_expected=lambda: 1) as batcher:
        tasks = [asyncio.create_task(batcher.submit(n)) for n in (1, 2, 3, 4)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert batcher.budget == 100
    assert outcomes[:2] + outcomes[3:] == [1, 4, 16]
    assert isinstance(outcomes[2], ValueError)


async def test_memory_that_runs_out_halves_the_budget_and_loses_nothing() -> None:
    model = Recorder(limit=32)
    async with running(model, wait=0.05, n_expected=lambda: 1) as batcher:
        tasks = [asyncio.create_task(batcher.submit(4)) for _ in range(4)]
        assert await asyncio.gather(*tasks) == [16] * 4
        assert batcher.budget == 50
    assert [len(batch) for batch in model.batches] == [4, 2, 2]


async def test_cancelled_caller_harms_no_other() -> None:
    model = Recorder()
    model.gate.clear()
    async with running(model) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(batcher.submit(2))
        await asyncio.sleep(0)
        first.cancel()
        model.gate.set()
        assert await second == 4
