"""Hearts: what a worker that ends in peace gives back."""

from typing import Any

from relaxd.service.jobs import give_back
from relaxd.service.jobs._heart import Heart
from relaxd.service.store import Order, TaskRef

REF = TaskRef("job", 0, 1, 1, "refine", "cpu")


class FakeQueue:
    def __init__(self) -> None:
        self.released: list[tuple[TaskRef, bool]] = []

    def beat(self, _: TaskRef) -> Order:
        return Order.GO_ON

    def release(self, ref: TaskRef, *, lost: bool) -> None:
        self.released.append((ref, lost))


def test_what_is_worked_on_is_given_back_and_stopped() -> None:
    queue: Any = FakeQueue()
    stopped: list[bool] = []
    with Heart(queue, REF) as heart:
        heart.on_stop(lambda: stopped.append(True))
        give_back()
        assert heart.order is Order.STOP
    assert (queue.released, stopped) == ([(REF, False)], [True])


def test_what_has_ended_is_not() -> None:
    queue: Any = FakeQueue()
    with Heart(queue, REF):
        pass
    give_back()
    assert queue.released == []
