"""The micro-batcher: molecules of concurrent requests go through the model together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Batcher(Generic[ItemT, ResultT]):
    """Gathers items while the model is busy, and runs them as one batch in a thread of its own.

    The model sees all pairs of atoms in a molecule, so the cost of a batch is the sum of the
    squares of its numbers of atoms.

    Args:
        run: the model; takes a batch, returns one result per item, in order.
        n_atoms: the number of atoms of an item.
        budget: largest cost of a batch; an item that alone costs more runs alone.
        wait: longest time for which a batch waits for items that are on their way, s. Nor does it
            wait longer than the batch before ran, so that waiting at most doubles the latency.
        n_expected: the number of items on their way; none, and a batch runs at once.
        is_out_of_memory: tells whether an exception means that the batch was too large.
    """

    def __init__(
        self,
        run: Callable[[Sequence[ItemT]], Sequence[ResultT]],
        *,
        n_atoms: Callable[[ItemT], int],
        budget: int,
        wait: float,
        n_expected: Callable[[], int],
        is_out_of_memory: Callable[[Exception], bool],
    ) -> None:
        self.budget = budget
        self._model = run
        self._n_atoms = n_atoms
        self._wait = self._longest_wait = wait
        self._n_expected = n_expected
        self._is_out_of_memory = is_out_of_memory
        self._waiting: deque[tuple[ItemT, asyncio.Future[ResultT]]] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "relaxd-model")

    @property
    def n_waiting(self) -> int:
        """Number of items that wait for a batch."""
        return len(self._waiting)

    async def submit(self, item: ItemT) -> ResultT:
        """Return the model's result for one item.

        Raises:
            Exception: whatever the model raises for this item alone.
        """
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Run batches until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._gather()
            batch = self._take()
            items = [item for item, _ in batch]
            start = loop.time()
            outcomes = await loop.run_in_executor(self._thread, self._run_or_split, items)
            self._wait = min(self._longest_wait, loop.time() - start)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():  # its caller was cancelled
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def close(self) -> None:
        """End the thread, once the batch it runs is done."""
        self._thread.shutdown(cancel_futures=True)

    async def _gather(self) -> None:
        """Wait for a first item, and shortly for those that are on their way."""
        if not self._waiting:
            await self._next_arrival()
        try:
            async with asyncio.timeout(self._wait):
                while self._n_expected() > 0 and not self._is_full():
                    await self._next_arrival()
        except TimeoutError:
            pass

    async def _next_arrival(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def _take(self) -> list[tuple[ItemT, asyncio.Future[ResultT]]]:
        """Remove and return the oldest items, as many as the budget holds, and at least one."""
        batch = [self._waiting.popleft()]
        cost = self._cost(batch[0][0])
        while self._waiting and cost + self._cost(self._waiting[0][0]) <= self.budget:
            batch.append(self._waiting.popleft())
            cost += self._cost(batch[-1][0])
        return batch

    def _is_full(self) -> bool:
        return sum(self._cost(item) for item, _ in self._waiting) >= self.budget

    def _cost(self, item: ItemT) -> int:
        return self._n_atoms(item) ** 2

    def _run_or_split(self, items: list[ItemT]) -> list[ResultT | Exception]:
        """Run a batch; where that fails run its halves, so that only the item at fault fails."""
        try:
            return list(self._model(items))
        except Exception as error:
            if self._is_out_of_memory(error):
                self.budget = max(1, self.budget // 2)
            if len(items) == 1:
                return [error]
        half = len(items) // 2
        return self._run_or_split(items[:half]) + self._run_or_split(items[half:])
