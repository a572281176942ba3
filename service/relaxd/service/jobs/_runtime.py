"""What a worker process holds from task to task: the models, the chemistry, the store."""

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from relaxd.service._metrics import Metrics
from relaxd.service._offered import RelaxerFactory, load_relaxers
from relaxd.service._pipeline import Fallback, Pipeline, Read
from relaxd.service._settings import Settings
from relaxd.service._workers import WorkerPool
from relaxd.service.jobs._heart import Heart
from relaxd.service.store import Database, Queue

ReturnT = TypeVar("ReturnT")


@dataclass(frozen=True)
class Context:
    """What a worker is told with every task.

    Attributes:
        settings: of the server, the address of the database among them.
        relaxer_factory: loads a model.
        read: reads a molecule.
        fallback: relaxes a molecule outside the model's domain.
    """

    settings: Settings
    relaxer_factory: RelaxerFactory
    read: Read
    fallback: Fallback


class Runtime:
    """Loads once what every task of a worker needs.

    Attributes:
        settings: of the server.
        queue: of tasks.
        pipeline: reads and relaxes molecules.
        pool: the process in which a molecule can do no harm.
    """

    def __init__(self, context: Context) -> None:
        self.settings = settings = context.settings
        self._database = Database(settings.database)
        self.queue = Queue(self._database, settings.retention_seconds)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="relaxd-loop", daemon=True
        )
        self._thread.start()
        modules = [context.read.__module__, context.fallback.__module__]
        self.pool = WorkerPool(1, settings.molecule_seconds, modules)
        self.pool.start()
        torch.set_num_threads(1)
        self.pipeline = Pipeline(
            settings.model_copy(update={"workers": 1}),
            Metrics(),
            load_relaxers(settings, context.relaxer_factory),
            self.pool,
            context.read,
            context.fallback,
        )
        asyncio.run_coroutine_threadsafe(self.pipeline.run(), self._loop)

    def stoppable(self, work: Coroutine[Any, Any, ReturnT], heart: Heart) -> ReturnT:
        """Run a coroutine in the loop of the pipeline, and return its result.

        Raises:
            CancelledError: the heart stopped it, and the chemistry that ran for it.
            Exception: whatever the coroutine raised.
        """
        running = asyncio.run_coroutine_threadsafe(work, self._loop)

        def stop() -> None:
            if running.cancel():
                self.pool.interrupt()

        heart.on_stop(stop)
        return running.result()

    def close(self) -> None:
        """End the processes and threads."""
        self.pool.close()
        asyncio.run_coroutine_threadsafe(_end_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._database.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_runtimes: dict[Context, Runtime] = {}
_lock = threading.Lock()


def runtime_of(context: Context) -> Runtime:
    """Return this process's runtime for a context."""
    with _lock:
        if context not in _runtimes:
            _runtimes[context] = Runtime(context)
        return _runtimes[context]


@atexit.register
def close_runtimes() -> None:
    """End what the runtimes of this process have started."""
    with _lock:
        while _runtimes:
            _runtimes.popitem()[1].close()
