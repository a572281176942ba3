"""Processes for work on untrusted input: what crashes or hangs in one harms nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

ReturnT = TypeVar("ReturnT")

SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""There is one worker for each core, so that more threads would only get in each other's way."""


START_TRIES = 30
"""So often a process may fail to start."""

START_PAUSE = 0.1
"""Between two tries: on a busy machine, a server that was killed is gone a while later. Unit: s."""

_starting_or_ended = threading.Lock()
"""Held to start a process and to learn how one ended. multiprocessing tells that once; a start asks
it of all processes, and of two threads that ask, the second is told 255."""

Heard = Callable[[Any], None]
"""Hears what a function tells while it runs; called in some thread, and must not raise."""


class WorkerCrashError(Exception):
    """The process died; `exitcode` is that of `multiprocessing.Process`."""

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(f"a worker process died with exit code {exitcode}")
        self.exitcode = exitcode


class WorkerTimeoutError(Exception):
    """The work took longer than allowed and was killed."""


class WorkerPool:
    """Runs picklable functions in processes, one call at a time in each.

    A `ProcessPoolExecutor` would not do: it loses all calls when one process dies, does not say
    which call was at fault, and cannot stop one.

    Args:
        n_workers: number of processes.
        seconds: longest time for a call, s.
        preload: modules that new processes find imported already.
    """

    def __init__(self, n_workers: int, seconds: float, preload: list[str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(preload)
        self._seconds = seconds
        self._workers = [_Worker(context) for _ in range(n_workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(n_workers, "relaxd-worker")
        self._closed = False

    def start(self) -> None:
        """Start the processes and wait until each answers."""
        for worker in self._workers:
            worker.start()
        for worker in self._workers:
            with contextlib.suppress(WorkerCrashError):  # it is replaced already
                worker.call(os.getpid, (), None)
            self._idle.put(worker)

    async def run(
        self, function: Callable[..., ReturnT], *args: Any, heard: Heard | None = None
    ) -> ReturnT:
        """Run a function in a process that is free, or will be.

        It is run once more if its process was killed: when memory runs out, the kernel ends one
        that need not be at fault.

        Args:
            function: picklable; what it gives to `tell` is heard here.
            args: its arguments.
            heard: who hears it, and from then on the function has all its time again.

        Raises:
            WorkerCrashError: the process died; the next call finds a new one.
            WorkerTimeoutError: the call was stopped.
            Exception: whatever the function raised.
        """
        loop = asyncio.get_running_loop()
        call = functools.partial(self._call, function, args, heard)
        try:
            returned: ReturnT = await loop.run_in_executor(self._threads, call)
        except WorkerCrashError as error:
            if error.exitcode != -signal.SIGKILL or self._closed:
                raise
            returned = await loop.run_in_executor(self._threads, call)
        return returned

    def interrupt(self) -> None:
        """Kill the processes; calls that run raise `WorkerCrashError`, later ones find new ones."""
        for worker in self._workers:
            worker.kill()

    def close(self) -> None:
        """Kill the processes; calls that still run raise `WorkerCrashError`."""
        self._closed = True
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(cancel_futures=True)

    def _call(
        self, function: Callable[..., Any], args: tuple[Any, ...], heard: Heard | None
    ) -> Any:
        # There are as many threads as workers, so one is idle; it is given back from here even if
        # the caller was cancelled in the meantime.
        worker = self._idle.get()
        try:
            return worker.call(function, args, self._seconds, heard)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, replaced when it dies."""

    def __init__(self, context: multiprocessing.context.ForkServerContext) -> None:
        self._context = context
        self._closed = False

    def start(self) -> None:
        for _ in range(START_TRIES - 1):
            try:
                return self._start()
            except (EOFError, OSError):
                # The server that forks was killed; once that is seen, there is a new one.
                self._connection.close()
                time.sleep(START_PAUSE)
        return self._start()

    def _start(self) -> None:
        with _starting_or_ended:
            if self._closed:
                return
            self._connection, theirs = self._context.Pipe()
            # The server that forks has the environment of the first start, or of the one it died
            # after.
            with theirs, _environment(SINGLE_THREADED):
                process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
                process.start()
            self._process, self._ready = process, False

    def call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        seconds: float | None,
        heard: Heard | None = None,
    ) -> Any:
        try:
            try:
                self._send((function, args))
            except OSError:  # it died while it was idle, so that no call is to blame
                self._replace()
                self._send((function, args))
            answer = self._answer(seconds, heard)
        except (EOFError, OSError) as broken:
            raise WorkerCrashError(self._replace()) from broken
        if answer is None:
            self._process.kill()
            self._replace()
            raise WorkerTimeoutError
        returned, raised = answer
        if raised is not None:
            raise raised
        return returned

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._closed = True
        # A process that another thread was just starting has started, or will not, and is killed.
        with _starting_or_ended:
            self._process.kill()
            self._process.join()

    def _answer(self, seconds: float | None, heard: Heard | None) -> tuple[Any, Any] | None:
        """Return what the function returned and raised; None if it was silent for too long."""
        while self._connection.poll(seconds):
            answer: tuple[Any, Any] | _Told = self._connection.recv()
            if not isinstance(answer, _Told):
                return answer
            if heard is not None:
                heard(answer.value)
        return None

    def _send(self, call: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
        if not self._ready:  # so that the start of the process does not count as the call's time
            self._connection.recv()
            self._ready = True
        self._connection.send(call)

    def _replace(self) -> int | None:
        """Start a new process, and return the exit code of the old one."""
        with _starting_or_ended:
            self._process.join(timeout=1.0)  # its pipe may close a moment before it ends
            exitcode = self._process.exitcode
            self._process.kill()
            self._process.join()
        self._connection.close()
        self.start()
        return exitcode


@dataclass(frozen=True)
class _Told:
    """What a function tells while it runs."""

    value: Any


_callers: list[Connection] = []
"""Of this process, if it is a worker: the one end."""


def tell(value: Any) -> None:
    """Tell who called the function that runs in this worker process; nobody, if it is none."""
    for connection in _callers:
        connection.send(_Told(value))


def _serve(connection: Connection) -> None:
    """Answer calls until the other end is closed."""
    _callers.append(connection)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    with contextlib.suppress(EOFError):
        connection.send(None)  # ready
        while True:
            function, args = connection.recv()
            try:
                returned, raised = function(*args), None
            except Exception as error:
                returned, raised = None, error
            connection.send((returned, raised))


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
