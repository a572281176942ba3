"""Many workers at once: nothing is done twice, nothing is forgotten."""

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.service.store.doubles import Store, ok
from tests.service.store.hammer import hammer

from relaxd.service.store import Database

ROOT = Path(__file__).parents[3]


def assert_all_done_once(store, jobs, finished):
    """Check that each task of two molecules was finished once, and told once."""
    assert Counter(finished) == {(job, start): 1 for job in jobs for start in range(0, 100, 2)}
    for job_id in jobs:
        assert store.state(job_id) == "succeeded"
        assert store.counts(job_id) == (100, 100, 0, 0)
        assert store.states(job_id) == ["queued", "running", "succeeded"]
        progress = [event for event in store.events(job_id) if event.event == "progress"]
        assert [event.data["ok"] for event in progress] == list(range(2, 101, 2))
        assert store.results(job_id) == [ok(index) for index in range(100)]


def test_threads_share_the_work(store):
    jobs = [store.submit(100, per_task=2) for _ in range(4)]
    finished = hammer(store, n_threads=8)
    assert_all_done_once(store, jobs, [(ref.job_id, ref.start) for ref in finished])


@pytest.mark.parametrize("n_processes", [3])
def test_processes_share_the_work(url, n_processes):
    with closing(Database(url)) as database:
        store = Store(database)
        jobs = [store.submit(100, per_task=2) for _ in range(4)]
        command = [sys.executable, "-m", "tests.service.store.hammer", url, "2"]
        workers = [
            subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(n_processes)
        ]
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        finished = []
        for worker in workers:
            out, errors = worker.communicate(timeout=300)
            assert worker.returncode == 0, errors
            finished += [(line.split()[0], int(line.split()[1])) for line in out.splitlines()]
        assert_all_done_once(store, jobs, finished)


def run_at_once(*calls):
    """Run functions that begin together, and return what they return."""
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_of_many_begins_a_task(store):
    for _ in range(10):
        store.submit(1)
        (ref,) = store.queue.send("cpu", 1)
        calls = [lambda i=i, ref=ref: store.queue.begin(ref, f"worker {i}") for i in range(6)]
        assert sum(work is not None for work in run_at_once(*calls)) == 1


def test_finish_against_release_has_one_winner(store):
    for _ in range(20):
        job_id = store.submit(1)
        ((ref, _),) = store.take()
        counted, _ = run_at_once(
            lambda ref=ref: store.queue.finish(ref, [ok(0)]),
            lambda ref=ref: store.queue.release(ref, lost=True),
        )
        assert store.state(job_id) == ("succeeded" if counted else "running")
        store.work_off()
        assert store.counts(job_id) == (1, 1, 0, 0)


def test_cancel_against_everything_else_neither_hangs_nor_forgets(store, caplog):
    for _ in range(20):
        job_id = store.submit(12, per_task=2)
        (a, b, c) = (ref for ref, _ in store.take(3))
        (d,) = store.queue.send("cpu", 1)
        calls = [
            lambda a=a: store.queue.finish(a, [ok(0), ok(1)]),
            lambda b=b: store.queue.finish(b, [ok(2)]),
            lambda c=c: store.queue.release(c, lost=True),
            lambda d=d: store.queue.begin(d, "d"),
            lambda: store.queue.send("cpu", 1),
            lambda a=a: store.queue.tell(a, {"index": 0}),
            lambda job_id=job_id: store.queue.cancel(job_id),
            lambda job_id=job_id: store.queue.cancel(job_id),
        ]
        run_at_once(*calls)
        # What is cancelled does not wait for a worker, whatever happened at the same time.
        assert {state for _, _, state in store.queue.depth()} <= {"running"}
        for pulse in store.queue.pulses():
            store.queue.finish(pulse.ref, [])
        assert store.state(job_id) == "cancelled"
        total, n_ok, n_error, n_cancelled = store.counts(job_id)
        assert (total, n_error) == (12, 0)
        assert n_ok + n_cancelled == total
        assert len(store.results(job_id)) == total
        assert store.states(job_id)[-1] == "cancelled"
    assert "deadlock" not in caplog.text


def test_what_is_released_during_a_cancellation_does_not_wait(store):
    for _ in range(30):
        job_id = store.submit(8)
        begun = [ref for ref, _ in store.take(8)]
        calls = [lambda ref=ref: store.queue.release(ref, lost=False) for ref in begun]
        run_at_once(*calls, lambda job_id=job_id: store.queue.cancel(job_id))
        assert store.queue.depth() == {}
        assert store.state(job_id) == "cancelled"
        assert store.counts(job_id) == (8, 0, 0, 8)


def test_more_threads_than_connections(database):
    entered = threading.Barrier(40)

    def read():
        with database.read() as connection:
            entered.wait(timeout=20)
            return connection.exec_driver_sql("SELECT 1").scalar()

    assert run_at_once(*[read] * 40) == [1] * 40
