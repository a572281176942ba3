"""Faults of the database in the middle of work: it goes on, and nothing is done twice."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from tests.service.store.doubles import OWNER, RETENTION, Store, error, ok
from tests.service.store.hammer import hammer

from relaxd.client.schemas import JobOptions
from relaxd.service.store import MAX_LOSSES, Database, IdempotencyError, Slicing

ONE = Slicing(1, 1.0, "cpu")

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE tasks SET state = 'done'")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
connection.close()
"""


@contextmanager
def cut_off(database: Database) -> Iterator[None]:
    """Let the next commit take effect, and its caller hear that the connection broke."""

    def commit(connection: Connection) -> None:
        event.remove(database.engine, "commit", commit)
        connection.connection.dbapi_connection.commit()
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("cut off"))

    event.listen(database.engine, "commit", commit)
    yield
    assert not event.contains(database.engine, "commit", commit)


def snapshot(store: Store) -> dict[str, list[tuple]]:
    """All rows of all tables, but for the times at which something was touched."""
    ignored = {"touched_at", "beat", "webhook_tries"}
    rows = {}
    with store.database.read() as connection:
        for table in ("jobs", "job_tags", "items", "tasks", "events"):
            result = connection.exec_driver_sql(f"SELECT * FROM {table}")  # noqa: S608
            kept = [i for i, name in enumerate(result.keys()) if name not in ignored]
            rows[table] = sorted(repr([row[i] for i in kept]) for row in result)
    return rows


def waiting(store: Store) -> tuple:
    return (store.submit(2, per_task=2),)


def uploaded(store: Store) -> tuple:
    return (store.upload(1, tags=["a"]), 1, "digest", "key", ONE)


def repeated(store: Store) -> tuple:
    store.submit(1, key="key")
    return uploaded(store)


def sent(store: Store) -> tuple:
    store.submit(2, per_task=2)
    return tuple(store.queue.send("cpu", 1))


def running(store: Store, losses: int = 0) -> tuple:
    waiting(store)
    for _ in range(losses):
        store.queue.release(store.take()[0][0], lost=True)
    return (store.take()[0][0],)


def ended(store: Store) -> tuple:
    job_id = store.submit(1, webhook={"url": "https://example.org/"})
    store.work_off()
    return (job_id,)


CALLS: dict[str, tuple[Callable, Callable]] = {
    "add": (lambda s: (s.upload(1), 1, ['"C"']), lambda s, a: s.uploads.add(*a)),
    "close": (uploaded, lambda s, a: s.uploads.close(*a)),
    "close, answered": (repeated, lambda s, a: s.uploads.close(*a)),
    "discard": (lambda s: (s.upload(1),), lambda s, a: s.uploads.discard(*a)),
    "begin": (sent, lambda s, a: s.queue.begin(*a, "worker")),
    "beat": (running, lambda s, a: s.queue.beat(*a)),
    "finish": (running, lambda s, a: s.queue.finish(*a, [ok(0), error(1)])),
    "release": (running, lambda s, a: s.queue.release(*a, lost=False)),
    "lose": (running, lambda s, a: s.queue.release(*a, lost=True)),
    "split": (
        lambda s: running(s, losses=MAX_LOSSES - 1),
        lambda s, a: s.queue.release(*a, lost=True),
    ),
    "cancel": (waiting, lambda s, a: s.queue.cancel(*a)),
    "purge": (ended, lambda s, a: s.jobs.purge(*a)),
    "settle": (ended, lambda s, a: s.webhooks.settle(*a, again_in=None)),
    "get": (ended, lambda s, a: s.jobs.get(*a, OWNER)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_whose_commit_was_cut_off_has_the_same_effect(store, name):
    prepare, call = CALLS[name]
    arguments = prepare(store)
    with cut_off(store.database):
        answer = call(store, arguments)
    after = snapshot(store)
    if name not in ("close, answered", "release", "lose", "split"):
        assert call(store, arguments) == answer
        assert snapshot(store) == after
    job_id = arguments[0].job_id if name in ("finish", "lose") else None
    if name == "finish":
        assert answer is True
        assert store.counts(job_id) == (2, 1, 1, 0)
    if name == "lose":
        assert len(store.queue.send("cpu", 5)) == 1
        store.queue.release(store.queue.pulses()[0].ref, lost=True)
        assert len(store.queue.send("cpu", 5)) == 1  # two losses, not three
    if name == "split":
        assert len(store.queue.send("cpu", 5)) == 2


def test_a_job_begun_by_a_call_that_was_cut_off_is_there_once(store):
    with cut_off(store.database):
        job_id = store.uploads.open(OWNER, JobOptions())
    store.uploads.add(job_id, 0, ['"C"'])
    store.uploads.close(job_id, 1, "digest", None, ONE)
    assert store.jobs.counts() == {("relax", "queued"): 1}


def test_a_refused_key_leaves_nothing_even_after_a_fault(store):
    store.submit(1, key="key")
    job_id = store.upload(1)
    with cut_off(store.database), pytest.raises(IdempotencyError):
        store.uploads.close(job_id, 1, "other", "key", ONE)
    assert store.jobs.counts() == {("relax", "queued"): 1}


def test_what_was_sent_to_nobody_is_seen_and_released(store):
    job_id = store.submit(3)
    with cut_off(store.database), pytest.raises(OperationalError):
        store.queue.send("cpu", 2)
    pulses = store.queue.pulses()
    assert sorted(pulse.ref.start for pulse in pulses) == [0, 1]
    for pulse in pulses:
        assert not pulse.running
        store.queue.release(pulse.ref, lost=False)
    assert [ref.attempt for ref in store.queue.send("cpu", 3)] == [2, 2, 1]
    for pulse in store.queue.pulses():
        store.queue.release(pulse.ref, lost=False)
    store.work_off()
    assert store.counts(job_id) == (3, 3, 0, 0)


def test_jobs_expire_even_if_the_answer_was_cut_off(store, clock):
    ended(store)
    clock.advance(RETENTION + 1.0)
    with cut_off(store.database):
        store.jobs.expire(10)
    assert store.jobs.counts() == {}


def assert_worked_off(store, jobs, finished):
    assert Counter((ref.job_id, ref.start) for ref in finished) == {
        (job_id, start): 1 for job_id in jobs for start in range(0, 40, 2)
    }
    for job_id in jobs:
        assert store.counts(job_id) == (40, 40, 0, 0)
        assert store.states(job_id) == ["queued", "running", "succeeded"]
        assert store.results(job_id) == [ok(index) for index in range(40)]


@pytest.mark.postgresql
def test_work_goes_on_while_connections_are_cut(cluster, postgresql_url):
    with closing(Database(postgresql_url)) as database:
        store = Store(database)
        jobs = [store.submit(40, per_task=2) for _ in range(5)]
        ended = threading.Event()

        def terminate():
            n = 0
            while not ended.wait(0.1):
                cluster.execute(TERMINATE)
                n += 1
            return n

        with ThreadPoolExecutor(1) as pool:
            terminating = pool.submit(terminate)
            try:
                finished = hammer(store, n_threads=4)
            finally:
                ended.set()
            assert terminating.result() > 0
        assert_worked_off(store, jobs, finished)


@pytest.mark.postgresql
def test_work_goes_on_after_the_server_was_away(cluster, postgresql_url):
    with closing(Database(postgresql_url)) as database, ThreadPoolExecutor(1) as pool:
        store = Store(database)
        jobs = [store.submit(40, per_task=2) for _ in range(5)]
        working = pool.submit(hammer, store, 4)
        time.sleep(0.2)
        cluster.stop()
        try:
            assert not working.done()
            time.sleep(1.0)
        finally:
            cluster.start()
        assert_worked_off(store, jobs, working.result())


@pytest.fixture
def holder(sqlite_url):
    """Starts a process that locks the database for so many seconds."""
    processes = []

    def start(seconds: float) -> subprocess.Popen[str]:
        path = sqlite_url.removeprefix("sqlite:///")
        command = [sys.executable, "-c", HOLD, path, str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "locked\n"
        return process

    yield start
    for process in processes:
        process.communicate(timeout=30)


def test_a_locked_file_is_waited_for(sqlite_url, holder):
    with closing(Database(sqlite_url)) as database:
        store = Store(database)
        job_id = store.submit(2)
        process = holder(3.0)
        assert store.state(job_id) == "queued"  # to read needs no lock
        assert process.poll() is None
        store.work_off()
        assert process.wait() == 0
        assert store.counts(job_id) == (2, 2, 0, 0)


def test_a_process_that_is_killed_while_it_writes_leaves_nothing(sqlite_url, holder):
    with closing(Database(sqlite_url)) as database:
        store = Store(database)
        job_id = store.submit(2)
        process = holder(60.0)
        process.kill()
        process.wait()
        store.work_off()
        assert store.counts(job_id) == (2, 2, 0, 0)
