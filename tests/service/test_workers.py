"""The worker processes on their own, with functions of the standard library."""

import asyncio
import multiprocessing.forkserver
import operator
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relaxd.service._workers import WorkerCrashError, WorkerPool, WorkerTimeoutError, tell

pytestmark = pytest.mark.anyio


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(2, 30.0, preload=[])
    pool.start()
    yield pool
    pool.close()


async def test_returns_and_raises(pool: WorkerPool) -> None:
    assert await pool.run(operator.add, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        await pool.run(operator.truediv, 1, 0)


async def test_crash_takes_only_its_own_call(pool: WorkerPool) -> None:
    calls = [pool.run(operator.neg, n) for n in range(20)]
    crashes = [pool.run(os._exit, 3), pool.run(os.abort)]
    outcomes = await asyncio.gather(*calls[:10], *crashes, *calls[10:], return_exceptions=True)
    assert outcomes[:10] + outcomes[12:] == [-n for n in range(20)]
    codes = [error.exitcode for error in outcomes if isinstance(error, WorkerCrashError)]
    assert codes == [3, -signal.SIGABRT]


async def test_each_is_told_how_its_own_process_ended() -> None:
    pool = WorkerPool(4, 30.0, preload=[])
    pool.start()
    crashes = [pool.run(os.abort) for _ in range(60)]
    outcomes = await asyncio.gather(*crashes, return_exceptions=True)
    pool.close()
    codes = [error.exitcode for error in outcomes if isinstance(error, WorkerCrashError)]
    assert codes == [-signal.SIGABRT] * 60


async def test_idle_worker_that_was_killed_is_not_noticed(pool: WorkerPool) -> None:
    pids = {await pool.run(os.getpid) for _ in range(4)}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while any(_runs(pid) for pid in pids):
        await asyncio.sleep(0.01)
    assert {await pool.run(os.getpid) for _ in range(4)}.isdisjoint(pids)


async def test_call_whose_process_was_killed_is_run_once_more(tmp_path: Path) -> None:
    pool = WorkerPool(1, 30.0, preload=[])
    pool.start()
    marker = tmp_path / "marker"
    assert await pool.run(killed_the_first_time, marker) == "survived"
    marker.unlink()
    with pytest.raises(WorkerCrashError) as caught:
        await pool.run(suicide)
    assert caught.value.exitcode == -signal.SIGKILL
    pool.close()


async def test_server_that_forks_was_killed(pool: WorkerPool) -> None:
    pids = {await pool.run(os.getpid) for _ in range(4)}
    os.kill(await pool.run(os.getppid), signal.SIGKILL)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while any(_runs(pid) for pid in pids):
        await asyncio.sleep(0.01)
    assert await pool.run(operator.add, 1, 2) == 3


async def test_server_that_forks_is_not_there_at_once(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed on a busy machine, it refuses processes until the kernel has put it away."""
    connect = multiprocessing.forkserver.connect_to_new_process
    refusals = iter(range(5))

    def refusing(fds: Any) -> Any:
        if next(refusals, None) is not None:
            raise ConnectionRefusedError
        return connect(fds)

    monkeypatch.setattr(multiprocessing.forkserver, "connect_to_new_process", refusing)
    for pid in {await pool.run(os.getpid) for _ in range(4)}:
        os.kill(pid, signal.SIGKILL)
    assert await pool.run(operator.add, 1, 2) == 3
    assert next(refusals, None) is None


async def test_time_limit() -> None:
    pool = WorkerPool(1, 0.2, preload=[])
    pool.start()
    with pytest.raises(WorkerTimeoutError):
        await pool.run(time.sleep, 3600)
    assert await pool.run(operator.add, 1, 2) == 3
    pool.close()


async def test_what_a_function_tells_is_heard(pool: WorkerPool) -> None:
    tell("nobody")
    heard: list[int] = []
    assert await pool.run(count_aloud, 3, heard=heard.append) == 3
    assert heard == [0, 1, 2]
    assert await pool.run(count_aloud, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await pool.run(operator.truediv, 1, 0, heard=heard.append)


async def test_time_begins_anew_with_what_is_told() -> None:
    pool = WorkerPool(1, 1.0, preload=[])
    pool.start()
    assert await pool.run(count_aloud, 4, 0.4, heard=lambda _: None) == 4
    with pytest.raises(WorkerTimeoutError):
        await pool.run(count_aloud, 2, 3600.0, heard=lambda _: None)
    pool.close()


async def test_close_ends_what_runs(pool: WorkerPool) -> None:
    running = asyncio.create_task(pool.run(time.sleep, 3600))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(pool.close)
    with pytest.raises(WorkerCrashError):
        await running


async def test_close_ends_what_is_just_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = WorkerPool(1, 30.0, preload=[])
    pool.start()
    connect = multiprocessing.forkserver.connect_to_new_process
    starting, closing = threading.Event(), threading.Event()

    def slow(fds: Any) -> Any:
        starting.set()
        closing.wait(10)
        time.sleep(0.1)  # so that what closes is where it waits
        return connect(fds)

    monkeypatch.setattr(multiprocessing.forkserver, "connect_to_new_process", slow)
    crash = asyncio.create_task(pool.run(os.abort))
    await asyncio.to_thread(starting.wait, 10)
    closed = asyncio.create_task(asyncio.to_thread(pool.close))
    closing.set()
    await asyncio.wait_for(closed, 10)
    with pytest.raises(WorkerCrashError):
        await crash
    (worker,) = pool._workers
    assert worker._process.exitcode == -signal.SIGKILL


async def test_workers_use_one_thread_each(pool: WorkerPool) -> None:
    before = os.environ.get("MKL_NUM_THREADS")
    assert await pool.run(os.getenv, "MKL_NUM_THREADS") == "1"
    assert os.environ.get("MKL_NUM_THREADS") == before


def count_aloud(n: int, seconds: float = 0.0) -> int:
    for number in range(n):
        tell(number)
        time.sleep(seconds)
    return n


def killed_the_first_time(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        suicide()
    return "survived"


def suicide() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
