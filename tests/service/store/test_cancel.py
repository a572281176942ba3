"""Cancellation, wherever a task stands."""

import pytest
from tests.service.store.doubles import OWNER, RETENTION, error, ok

from relaxd.service.store import Order


def requested(store, job_id):
    return store.jobs.get(job_id, OWNER).cancel_requested


def test_what_waits_ends_at_once(store):
    job_id = store.submit(5, per_task=2)
    (sent,) = store.queue.send("cpu", 1)
    store.queue.cancel(job_id)
    assert requested(store, job_id)
    assert store.state(job_id) == "cancelled"
    assert store.counts(job_id) == (5, 0, 0, 5)
    assert store.states(job_id) == ["queued", "cancelled"]
    assert store.queue.begin(sent, "a") is None
    assert not store.queue.finish(sent, [ok(0), ok(1)])
    assert store.queue.send("cpu", 10) == []
    results = store.results(job_id)
    assert [result.id for result in results] == [f"m{i}" for i in range(5)]
    assert {result.error.type for result in results} == {"urn:relaxd:error:resource:cancelled"}
    info = store.jobs.get(job_id, OWNER)
    assert (info.expires_at - info.finished_at).total_seconds() == RETENTION
    assert info.started_at is None
    assert info.usage is None


def test_what_runs_is_told_and_keeps_what_is_done(store):
    job_id = store.submit(6, per_task=2)
    (first, _), (second, _) = store.take(2)
    store.queue.finish(first, [ok(0), error(1)])
    store.queue.cancel(job_id)
    assert store.state(job_id) == "running"
    assert store.counts(job_id) == (6, 1, 1, 2)
    assert store.queue.beat(second) is Order.CANCEL
    assert store.queue.finish(second, [ok(2)])
    assert store.state(job_id) == "cancelled"
    assert store.counts(job_id) == (6, 2, 1, 3)
    statuses = [result.status for result in store.results(job_id)]
    assert statuses == ["ok", "error", "ok", "error", "error", "error"]
    assert store.states(job_id) == ["queued", "running", "cancelled"]


def test_gaps_between_the_tasks_that_wait_are_left_alone(store):
    job_id = store.submit(6)
    begun = store.take(6)
    for number in (0, 1, 3):
        store.queue.release(begun[number][0], lost=False)
    store.queue.cancel(job_id)
    assert store.counts(job_id) == (6, 0, 0, 3)
    for number in (2, 4, 5):
        assert store.queue.finish(begun[number][0], [ok(number)])
    assert store.counts(job_id) == (6, 3, 0, 3)
    statuses = [result.status for result in store.results(job_id)]
    assert statuses == ["error", "error", "ok", "error", "ok", "ok"]


def test_a_job_whose_last_results_come_after_all_has_succeeded(store):
    job_id = store.submit(1)
    ((ref, _),) = store.take()
    store.queue.cancel(job_id)
    assert store.queue.finish(ref, [ok(0)])
    assert store.state(job_id) == "succeeded"
    assert requested(store, job_id)


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_released_after_a_cancellation_ends(store, lost):
    job_id = store.submit(2, per_task=2)
    ((ref, _),) = store.take()
    store.queue.cancel(job_id)
    store.queue.release(ref, lost=lost)
    assert store.state(job_id) == "cancelled"
    assert store.counts(job_id) == (2, 0, 0, 2)
    assert store.queue.send("cpu", 1) == []
    assert store.queue.beat(ref) is Order.STOP
    assert not store.queue.finish(ref, [ok(0), ok(1)])
    assert store.counts(job_id) == (2, 0, 0, 2)


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
def test_a_final_job_stays_as_it_is(store, end):
    job_id = store.submit(1)
    if end == "cancelled":
        store.queue.cancel(job_id)
    else:
        ((ref, _),) = store.take()
        store.queue.finish(ref, [ok(0) if end == "succeeded" else error(0)])
    info, events = store.jobs.get(job_id, OWNER), store.events(job_id)
    assert info.state == end
    store.queue.cancel(job_id)
    assert store.jobs.get(job_id, OWNER) == info
    assert store.events(job_id) == events


def test_cancel_twice_is_cancel_once(store):
    job_id = store.submit(2)
    ((ref, _),) = store.take()
    store.queue.cancel(job_id)
    events = store.events(job_id)
    store.queue.cancel(job_id)
    assert store.events(job_id) == events
    store.queue.finish(ref, [])
    assert store.counts(job_id) == (2, 0, 0, 2)


def test_cancel_of_one_job_leaves_the_others(store):
    ours, other = store.submit(2), store.submit(2)
    store.queue.cancel(ours)
    store.queue.cancel("unknown")
    assert store.state(other) == "queued"
    store.work_off()
    assert store.counts(other) == (2, 2, 0, 0)
