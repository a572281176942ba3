"""The queue against a model of it in memory, with workers that do anything at any time."""

import atexit
import functools
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.service.store.doubles import OWNER, Store, tuple_of

from relaxd.client.schemas import FINAL_STATES, JobResult
from relaxd.service.store import MAX_LOSSES, Database, Order, Pulse, TaskRef, migrate

ORDER = {"high": 0, "normal": 1, "low": 2}
CANCELLED = "urn:relaxd:error:resource:cancelled"
LOST = "urn:relaxd:error:resource:worker-lost"


@dataclass
class Task:
    stop: int
    rank: tuple[int, float]
    state: str = "queued"
    attempt: int = 0
    losses: int = 0
    beat: int = 0
    worker: str | None = None


@dataclass
class Job:
    """What is to be seen of a job; an item is what its result is known by, None if not done."""

    items: list[str | None]
    tasks: dict[int, Task]
    begun: bool = False
    cancel: bool = False
    steps: list[int] = field(default_factory=list)

    def state(self) -> str:
        if None in self.items:
            return "running" if self.begun else "queued"
        if CANCELLED in self.items:
            return "cancelled"
        return "succeeded" if any(item.startswith("ok") for item in self.items) else "failed"

    def end(self, task: Task, start: int, what: str) -> None:
        task.state = "done"
        task.attempt += 1
        self.items[start : task.stop] = [what] * (task.stop - start)


@functools.cache
def empty_database() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    with closing(Database(f"sqlite:///{folder}/relaxd.db")) as database:
        migrate(database)
    return folder / "relaxd.db"


class QueueMachine(RuleBasedStateMachine):
    """Every attempt that was ever sent may still come back, from any worker."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.time = 1e9
        shutil.copy(empty_database(), self.folder / "relaxd.db")
        self.database = Database(f"sqlite:///{self.folder}/relaxd.db", lambda: self.time)
        self.store = Store(self.database)
        self.jobs: dict[str, Job] = {}
        self.refs: list[TaskRef] = []
        self.final: dict[str, object] = {}
        self.n_marks = 0

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def task(self, ref: TaskRef, *states: str) -> Task | None:
        """The task of an attempt, if this is its last one and it is in one of these states."""
        task = self.jobs[ref.job_id].tasks.get(ref.start)
        if task is None or task.attempt != ref.attempt or task.state not in states:
            return None
        return task

    def mark(self) -> int:
        """A number to know a result, or a step, by."""
        self.n_marks += 1
        return self.n_marks

    def pick(self, data: st.DataObject) -> TaskRef:
        return data.draw(st.sampled_from(self.refs))

    @rule(n=st.integers(1, 6), per_task=st.integers(1, 4), priority=st.sampled_from(list(ORDER)))
    def submit(self, n: int, per_task: int, priority: str) -> None:
        self.time += 1.5
        job_id = self.store.submit(n, per_task=per_task, priority=priority)
        tasks = {
            start: Task(min(start + per_task, n), (ORDER[priority], self.time + number))
            for number, start in enumerate(range(0, n, per_task))
        }
        self.jobs[job_id] = Job([None] * n, tasks)

    @rule(n=st.integers(1, 4))
    def send(self, n: int) -> None:
        waiting = [
            (*task.rank, job_id, start)
            for job_id, job in self.jobs.items()
            for start, task in job.tasks.items()
            if task.state == "queued"
        ]
        sent = self.store.queue.send("cpu", n)
        assert [(ref.job_id, ref.start) for ref in sent] == [key[2:] for key in sorted(waiting)[:n]]
        for ref in sent:
            task = self.jobs[ref.job_id].tasks[ref.start]
            task.state, task.worker, task.attempt = "sent", None, task.attempt + 1
            assert (ref.stop, ref.attempt) == (task.stop, task.attempt)
        self.refs += sent

    @precondition(lambda self: self.refs)
    @rule(data=st.data(), worker=st.sampled_from("ab"))
    def begin(self, data: st.DataObject, worker: str) -> None:
        ref = self.pick(data)
        task = self.task(ref, "sent", "running")
        work = self.store.queue.begin(ref, worker)
        if task is None or task.worker not in (None, worker):
            assert work is None
            return
        task.state, task.worker = "running", worker
        self.jobs[ref.job_id].begun = True
        assert sorted(work.molecules) == list(range(ref.start, ref.stop))

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        ref = self.pick(data)
        task = self.task(ref, "running")
        order = self.store.queue.beat(ref)
        if task is None:
            assert order is Order.STOP
            return
        task.beat += 1
        assert order is (Order.CANCEL if self.jobs[ref.job_id].cancel else Order.GO_ON)

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        ref, mark = self.pick(data), self.mark()
        self.store.queue.tell(ref, {"mark": mark})
        if self.task(ref, "running"):
            self.jobs[ref.job_id].steps.append(mark)

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        ref, mark = self.pick(data), self.mark()
        outcome = st.sampled_from(["ok", "ok", "error", None])
        length = ref.stop - ref.start
        outcomes = data.draw(st.lists(outcome, min_size=length, max_size=length))
        results = [
            JobResult(index=ref.start + i, status=status, smiles=f"{status} {mark}")
            for i, status in enumerate(outcomes)
            if status is not None
        ]
        running, done = self.task(ref, "running"), self.task(ref, "done")
        assert self.store.queue.finish(ref, results) == bool(running or done)
        if running is not None:
            running.state = "done"
            items = [CANCELLED if status is None else f"{status} {mark}" for status in outcomes]
            self.jobs[ref.job_id].items[ref.start : ref.stop] = items

    @precondition(lambda self: self.refs)
    @rule(data=st.data(), lost=st.booleans())
    def release(self, data: st.DataObject, lost: bool) -> None:
        ref = self.pick(data)
        self.store.queue.release(ref, lost=lost)
        task, job = self.task(ref, "sent", "running"), self.jobs[ref.job_id]
        if task is None:
            return
        if job.cancel:
            job.end(task, ref.start, CANCELLED)
        elif task.losses + lost < MAX_LOSSES:
            task.state, task.losses = "queued", task.losses + lost
        elif ref.stop - ref.start > 1:
            for start in range(ref.start, ref.stop):
                job.tasks[start] = Task(start + 1, task.rank, "queued", ref.attempt, MAX_LOSSES - 1)
        else:
            job.end(task, ref.start, LOST)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(list(self.jobs)))
        self.store.queue.cancel(job_id)
        job = self.jobs[job_id]
        job.cancel = job.cancel or None in job.items
        for start, task in job.tasks.items():
            if task.state in ("queued", "sent"):
                job.end(task, start, CANCELLED)

    @invariant()
    def jobs_are_as_they_should_be(self) -> None:
        for job_id, job in self.jobs.items():
            info = self.store.jobs.get(job_id, OWNER)
            failed = [item for item in job.items if item and not item.startswith("ok")]
            n_cancelled = job.items.count(CANCELLED)
            n_ok = sum(item is not None for item in job.items) - len(failed)
            expected = (len(job.items), n_ok, len(failed) - n_cancelled, n_cancelled)
            assert tuple_of(info.counts) == expected
            assert info.state == job.state()
            assert info.cancel_requested == job.cancel
            if info.state in FINAL_STATES:
                assert self.final.setdefault(job_id, info) == info
            else:
                assert job_id not in self.final

    @invariant()
    def events_tell_it_once(self) -> None:
        for job_id, job in self.jobs.items():
            events = self.store.events(job_id)  # without gaps
            steps = [event.data["mark"] for event in events if event.event == "step"]
            assert steps == job.steps
            states = self.store.states(job_id)
            assert states == sorted(set(states), key=states.index)
            assert states[-1] == job.state()
            if job.state() in FINAL_STATES:
                assert (events[-1].event, events[-1].data) == ("state", {"state": states[-1]})

    @invariant()
    def results_are_of_the_attempts_that_counted(self) -> None:
        for job_id, job in self.jobs.items():
            undone = [start for start, task in job.tasks.items() if task.state != "done"]
            stop = min(undone, default=len(job.items))
            results = self.store.results(job_id)
            assert [result.index for result in results] == list(range(stop))
            seen = [result.error.type if result.error else result.smiles for result in results]
            assert seen == job.items[:stop]

    @invariant()
    def pulses_are_of_the_tasks_that_were_sent(self) -> None:
        expected = {
            (job_id, start, task.stop, task.attempt, task.state == "running", task.beat)
            for job_id, job in self.jobs.items()
            for start, task in job.tasks.items()
            if task.state in ("sent", "running")
        }
        assert {flat(pulse) for pulse in self.store.queue.pulses()} == expected


def flat(pulse: Pulse) -> tuple[str, int, int, int, bool, int]:
    ref = pulse.ref
    return ref.job_id, ref.start, ref.stop, ref.attempt, pulse.running, pulse.beat


QueueMachine.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestQueueMachine = QueueMachine.TestCase
