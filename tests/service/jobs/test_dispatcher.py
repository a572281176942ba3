"""What the dispatcher makes of attempts that come back without results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from relaxd.service.jobs import Cluster, Context
from relaxd.service.jobs._dispatcher import Dispatcher
from relaxd.service.store import TaskRef

pytestmark = pytest.mark.anyio

REF = TaskRef("job", 0, 1, 1, "relax", "cpu")


class FakeQueue:
    """One task, and what is done to it."""

    def __init__(self) -> None:
        self.waiting = [REF]
        self.released: list[tuple[TaskRef, bool]] = []

    def depth(self) -> dict[str, int]:
        return {"queued": 1}

    def send(self, resource: str, n: int) -> list[TaskRef]:
        sent, self.waiting = self.waiting, []
        return sent

    def release(self, ref: TaskRef, *, lost: bool) -> None:
        self.released.append((ref, lost))


class OneWorker:
    """A worker whose attempts all end in the same way."""

    is_connected = True

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    async def slots(self) -> dict[str, int]:
        return {"cpu": 1, "gpu": 0}

    async def run(self, _: TaskRef) -> bool:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return bool(self._outcome)


@pytest.mark.parametrize(
    ("outcome", "released"),
    [
        (True, []),
        # No fault of the worker's: the scheduler is gone, and a task survives that at any time.
        (asyncio.CancelledError(), [(REF, False)]),
        (RuntimeError("the worker died"), [(REF, True)]),
        (False, [(REF, True)]),
    ],
)
async def test_what_becomes_of_an_attempt(
    outcome: Any, released: list[tuple[TaskRef, bool]]
) -> None:
    @asynccontextmanager
    async def cluster(_: Context) -> AsyncIterator[Cluster]:
        yield OneWorker(outcome)

    queue = FakeQueue()
    context: Any = None
    dispatcher = Dispatcher(context, queue, cluster)  # type: ignore[arg-type]
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        while queue.waiting or dispatcher.sent:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert queue.released == released
