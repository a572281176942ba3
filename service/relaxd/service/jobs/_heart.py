"""The heartbeat of one attempt: says that its worker lives, and hears what it is to do."""

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from relaxd.service.store import Order, Queue, TaskRef

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
"""How often it beats; a cancelled job is heard of within this time. Unit: s."""


class Heart:
    """Beats in a thread of its own as long as its block runs.

    Args:
        queue: where to beat.
        ref: the attempt.
        seconds: between two beats.
    """

    def __init__(self, queue: Queue, ref: TaskRef, seconds: float = BEAT_SECONDS) -> None:
        self.order = Order.GO_ON
        self._queue = queue
        self._ref = ref
        self._seconds = seconds
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        # What it logs is about the same task as what is logged here.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"relaxd-{ref.name}", daemon=True
        )

    def __enter__(self) -> Self:
        _beating.add(self)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        _beating.discard(self)
        self._ended.set()
        self._thread.join()

    def give_back(self) -> None:
        """Let the task wait again, and stop the work."""
        self._queue.release(self._ref, lost=False)
        self._stop(Order.STOP)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call a function, from another thread, once the work is to stop; now, if it is already."""
        with self._lock:
            self._callbacks.append(callback)
            stopped = self.order is not Order.GO_ON
        if stopped:
            callback()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                order = self._queue.beat(self._ref)
            except SQLAlchemyError as error:  # the work goes on; the next beat may get through
                logger.warning("no heartbeat of %s: %s", self._ref.name, error)
                continue
            if order is not Order.GO_ON:
                self._stop(order)
                return

    def _stop(self, order: Order) -> None:
        with self._lock:
            self.order = order
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()


_beating: set[Heart] = set()


def give_back() -> None:
    """Let every task that this process works on wait again, as the process is to end."""
    for heart in list(_beating):
        heart.give_back()
