"""Many refinements at once, each in a process of its own."""

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ._errors import DftError, RefinementCancelled
from ._events import Event
from ._journal import Journal, read_points
from ._point import Point
from ._refinement import Refinement
from ._result import RefineResult, best_kept, finished_result
from ._task import Task

AHEAD = 64
"""How many molecules per worker may wait behind one that takes long."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one task: a result, or the reason why there is none.

    Attributes:
        id: the caller's name of the molecule.
        task: what was to be done.
        result: where it ended.
        error: why it did not.
        journal: holds every point; None if it was not begun.
    """

    id: str
    task: Task
    result: RefineResult | None
    error: DftError | None
    journal: Path | None

    def points(self) -> list[Point]:
        """Every DFT point of the way, from the journal."""
        return [] if self.journal is None else read_points(self.journal)


OnEvent = Callable[[str, Event], None]
"""Is told the id and every event of every molecule, in a thread of that molecule."""


class Batch:
    """Refines molecules side by side and keeps a journal of each.

        with Batch(Path("journals"), workers=8) as batch:
            for outcome in batch.run(tasks):
                ...

    Run again with the same folder, it takes finished molecules from there and goes on with the
    others where they were. A molecule that fails takes no other with it.

    Args:
        journals: folder, made if it is not there.
        workers: how many molecules at once.
        on_event: what to tell of events.
    """

    def __init__(
        self, journals: Path, *, workers: int = 1, on_event: OnEvent | None = None
    ) -> None:
        journals.mkdir(parents=True, exist_ok=True)
        self._journals, self._workers = journals, workers
        self._on_event = on_event or (lambda *_: None)
        self._pool = ThreadPoolExecutor(workers, "relaxd-dft")
        self._running: set[Refinement] = set()
        self._names: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._cancelled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()
        self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: Iterable[tuple[str, Task]]) -> Iterator[Outcome]:
        """Yields what came of each task, in their order.

        Args:
            tasks: each with the caller's name of the molecule; read as they are needed.

        Raises:
            RefinementCancelled: `cancel` was called.
        """
        waiting: deque[Future[Outcome]] = deque()
        for id, task in tasks:
            waiting.append(self._pool.submit(self._refine, id, task, self._journal(task)))
            while waiting and (len(waiting) >= AHEAD * self._workers or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def cancel(self) -> None:
        """Stops all that runs at once; journals are kept."""
        with self._lock:
            self._cancelled = True
            for refinement in self._running:
                refinement.cancel()

    def _journal(self, task: Task) -> Path:
        """Named by what is computed; the same molecule a second time gets a file of its own."""
        identity = json.dumps(task.identity(), sort_keys=True)
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self._names[name] += 1
        count = self._names[name]
        return self._journals / (f"{name}.jsonl" if count == 1 else f"{name}-{count}.jsonl")

    def _refine(self, id: str, task: Task, journal: Path) -> Outcome:
        try:
            result = self._known(task, journal) or self._compute(id, task, journal)
        except OSError as error:
            failure = DftError("worker-crashed", f"the process cannot be started: {error}")
            failure.best = best_kept(task, journal)
            return Outcome(id, task, None, failure, None if failure.best is None else journal)
        except DftError as error:
            return Outcome(id, task, None, error, journal if journal.exists() else None)
        return Outcome(id, task, result, None, journal)

    def _known(self, task: Task, path: Path) -> RefineResult | None:
        if not path.exists():
            return None
        with Journal(path, task.identity()) as journal:
            return finished_result(task, journal)

    def _compute(self, id: str, task: Task, journal: Path) -> RefineResult:
        with self._started(task, journal) as refinement:
            for event in refinement.events():
                self._on_event(id, event)
            return refinement.result()

    @contextmanager
    def _started(self, task: Task, journal: Path) -> Iterator[Refinement]:
        """A refinement that `cancel` knows of."""
        with self._lock:
            if self._cancelled:
                raise RefinementCancelled(0)
            refinement = Refinement(task, journal)
            self._running.add(refinement)
        try:
            with refinement:
                yield refinement
        finally:
            with self._lock:
                self._running.discard(refinement)
