"""Tasks: in their order, one attempt at a time, each molecule done once."""

import dataclasses

import pytest
from tests.service.store.doubles import OWNER, RETENTION, error, ok, starts, tuple_of

from relaxd.client.schemas import JobResult
from relaxd.service.store import MAX_LOSSES, Order, Pulse


def lose(store, times=1):
    """Have all waiting tasks begun, and their workers lost."""
    for _ in range(times):
        for ref, _ in store.take(100):
            store.queue.release(ref, lost=True)


def test_work_from_begin_to_end(store, clock):
    job_id = store.submit(3, per_task=2)
    (first, second) = store.queue.send("cpu", 10)
    assert (first.start, first.stop, first.attempt) == (0, 2, 1)
    assert (first.kind, first.resource) == ("relax", "cpu")
    assert (second.start, second.stop) == (2, 3)
    assert first.name == f"{job_id}-0-1"
    assert store.state(job_id) == "queued"

    work = store.queue.begin(first, "a")
    assert work.molecules == {i: {"smiles": "C", "id": f"m{i}"} for i in range(2)}
    assert work.options.kind == "relax"
    assert store.state(job_id) == "running"
    assert store.queue.beat(first) is Order.GO_ON

    assert store.queue.finish(first, [ok(0), error(1)])
    assert store.counts(job_id) == (3, 1, 1, 0)
    store.queue.begin(second, "b")
    clock.advance(10.0)
    assert store.queue.finish(second, [ok(2)])

    info = store.jobs.get(job_id, OWNER)
    assert info.state == "succeeded"
    assert tuple_of(info.counts) == (3, 2, 1, 0)
    assert info.counts.done == 3
    assert info.created_at <= info.started_at < info.finished_at < info.expires_at
    assert (info.expires_at - info.finished_at).total_seconds() == RETENTION
    assert (info.usage.cpu_seconds, info.usage.gpu_seconds) == (2.0, 1.0)
    assert [(event.event, event.data) for event in store.events(job_id)] == [
        ("state", {"state": "queued"}),
        ("state", {"state": "running"}),
        ("progress", {"total": 3, "ok": 1, "error": 1, "cancelled": 0}),
        ("progress", {"total": 3, "ok": 2, "error": 1, "cancelled": 0}),
        ("state", {"state": "succeeded"}),
    ]
    assert store.results(job_id) == [ok(0), error(1), ok(2)]


def test_a_job_of_which_nothing_is_ok_has_failed(store):
    job_id = store.submit(2, per_task=2)
    ((ref, _),) = store.take()
    store.queue.finish(ref, [error(0), error(1)])
    assert store.state(job_id) == "failed"


def test_molecules_without_a_result_are_cancelled(store):
    job_id = store.submit(3, per_task=3)
    ((ref, _),) = store.take()
    store.queue.finish(ref, [ok(1)])
    assert store.state(job_id) == "cancelled"
    assert store.counts(job_id) == (3, 1, 0, 2)
    first, second, third = store.results(job_id)
    assert second == ok(1)
    for result in (first, third):
        assert (result.status, result.id) == ("error", f"m{result.index}")
        assert result.error.type == "urn:relaxd:error:resource:cancelled"


def test_results_come_back_with_every_field(store):
    fields = {
        "index": 0,
        "id": "µ",
        "status": "ok",
        "positions": [(0.1 + 0.2, -1e-17, 3.0)],
        "verdict": {
            "connectivity_kept": None,
            "stereo_kept": False,
            "in_domain": True,
            "expected_error_kcal_mol": None,
            "method": "diffusion",
        },
    }
    result = JobResult.model_validate(fields)
    job_id = store.submit(1)
    ((ref, _),) = store.take()
    store.queue.finish(ref, [result])
    assert store.results(job_id) == [result]


# Order


def test_higher_priority_first_then_what_is_due_first(store, clock):
    ids = {}
    for priority in ("low", "normal", "high"):
        for number in range(2):
            ids[priority, number] = store.submit(1, priority=priority)
            clock.advance(1.0)
    expected = [ids[priority, n] for priority in ("high", "normal", "low") for n in range(2)]
    assert [ref.job_id for ref in store.queue.send("cpu", 10)] == expected


def test_a_short_job_has_its_turn_between_the_tasks_of_a_long_one(store, clock):
    long = store.submit(5, seconds=10.0)
    clock.advance(25.0)
    short = store.submit(1, seconds=10.0)
    assert [ref.job_id for ref in store.queue.send("cpu", 10)] == [long] * 3 + [short] + [long] * 2


def test_a_resource_gets_its_own_tasks_only(store):
    cpu, gpu = store.submit(1), store.submit(1, resource="gpu")
    assert [ref.job_id for ref in store.queue.send("gpu", 10)] == [gpu]
    assert [ref.job_id for ref in store.queue.send("cpu", 10)] == [cpu]
    assert store.queue.send("cpu", 10) == []


def test_send_takes_so_many(store):
    store.submit(5)
    assert starts(store.queue.send("cpu", 2)) == [0, 1]
    assert starts(store.queue.send("cpu", 2)) == [2, 3]
    assert starts(store.queue.send("cpu", 2)) == [4]


def test_depth_and_pulses(store):
    assert store.queue.depth() == {}
    assert store.queue.pulses() == []
    store.submit(4, seconds=10.0)
    sent, running, done = store.queue.send("cpu", 3)
    store.queue.begin(running, "a")
    store.queue.begin(done, "b")
    store.queue.finish(done, [ok(2)])
    depth = store.queue.depth()
    assert {key: n for key, (n, _) in depth.items()} == {
        ("relax", "cpu", "queued"): 1,
        ("relax", "cpu", "sent"): 1,
        ("relax", "cpu", "running"): 1,
    }
    due = {state: due for (_, _, state), (_, due) in depth.items()}
    assert due["running"] - due["sent"] == pytest.approx(10.0)
    before = store.queue.pulses()
    assert sorted(before, key=lambda pulse: pulse.ref.start) == [
        Pulse(sent, running=False, beat=0),
        Pulse(running, running=True, beat=0),
    ]
    store.queue.beat(running)
    assert Pulse(running, running=True, beat=1) in store.queue.pulses()


# Attempts


def test_begin_is_one_workers(store):
    store.submit(1)
    (ref,) = store.queue.send("cpu", 1)
    work = store.queue.begin(ref, "a")
    assert store.queue.begin(ref, "b") is None
    assert store.queue.begin(ref, "a") == work
    assert store.queue.begin(dataclasses.replace(ref, attempt=2), "c") is None
    store.queue.finish(ref, [ok(0)])
    assert store.queue.begin(ref, "a") is None


def test_a_task_that_was_not_sent_cannot_begin(store):
    store.submit(1)
    (ref,) = store.queue.send("cpu", 1)
    store.queue.release(ref, lost=False)
    assert store.queue.begin(ref, "a") is None


def test_finish_twice_counts_once(store):
    job_id = store.submit(1)
    ((ref, _),) = store.take()
    assert store.queue.finish(ref, [ok(0)])
    events = store.events(job_id)
    assert store.queue.finish(ref, [ok(0)])
    assert store.counts(job_id) == (1, 1, 0, 0)
    assert store.events(job_id) == events


def test_a_task_that_did_not_begin_cannot_finish(store):
    job_id = store.submit(1)
    (ref,) = store.queue.send("cpu", 1)
    assert not store.queue.finish(ref, [ok(0)])
    assert store.counts(job_id) == (1, 0, 0, 0)


@pytest.mark.parametrize("then", ["queued", "sent", "running", "done"])
def test_a_stale_attempt_changes_nothing(store, then):
    job_id = store.submit(1)
    ((stale, _),) = store.take()
    store.queue.release(stale, lost=False)
    if then != "queued":
        (new,) = store.queue.send("cpu", 1)
        assert new.attempt == stale.attempt + 1
    if then in ("running", "done"):
        assert store.queue.begin(new, "new") is not None
    if then == "done":
        store.queue.finish(new, [ok(0)])
    events, pulses, counts = store.events(job_id), store.queue.pulses(), store.counts(job_id)

    assert store.queue.begin(stale, "worker") is None
    assert store.queue.beat(stale) is Order.STOP
    store.queue.tell(stale, {"energy_hartree": -1.0})
    assert not store.queue.finish(stale, [error(0)])
    store.queue.release(stale, lost=True)

    assert store.events(job_id) == events
    assert store.queue.pulses() == pulses
    assert store.counts(job_id) == counts


def test_steps_are_told_while_the_attempt_counts(store):
    job_id = store.submit(1)
    (ref,) = store.queue.send("cpu", 1)
    store.queue.tell(ref, {"index": 0})
    store.queue.begin(ref, "a")
    step = {"index": 0, "id": "m0", "n_gradients": 1, "energy_hartree": -40.5, "max_force": 0.1}
    store.queue.tell(ref, step)
    store.queue.finish(ref, [ok(0)])
    store.queue.tell(ref, {"index": 0})
    steps = [event for event in store.events(job_id) if event.event == "step"]
    assert [event.data for event in steps] == [step]


# Losses


@pytest.mark.parametrize("begun", [False, True])
def test_what_is_released_waits_again(store, begun):
    job_id = store.submit(2, per_task=2)
    for attempt in range(1, 2 * MAX_LOSSES):
        (ref,) = store.queue.send("cpu", 1)
        assert ref.attempt == attempt
        if begun:
            assert set(store.queue.begin(ref, "a").molecules) == {0, 1}
        store.queue.release(ref, lost=False)
        store.queue.release(ref, lost=False)
    store.work_off()
    assert store.counts(job_id) == (2, 2, 0, 0)
    assert store.states(job_id) == ["queued", "running", "succeeded"]


def test_a_task_that_loses_its_workers_is_split_and_only_the_culprit_given_up(store):
    job_id = store.submit(4, per_task=4)
    lose(store, MAX_LOSSES - 1)
    (ref,) = store.queue.send("cpu", 10)
    assert (ref.start, ref.stop) == (0, 4)
    store.queue.begin(ref, "a")
    store.queue.release(ref, lost=True)
    single = store.take(10)
    assert [(ref.start, ref.stop) for ref, _ in single] == [(i, i + 1) for i in range(4)]
    assert all(other.attempt > ref.attempt for other, _ in single)
    for other, work in single:
        if other.start == 2:
            store.queue.release(other, lost=True)
            assert not store.queue.finish(other, [ok(2)])
        else:
            assert store.queue.finish(other, [ok(index) for index in work.molecules])
    assert store.queue.depth() == {}
    assert store.state(job_id) == "succeeded"
    assert store.counts(job_id) == (4, 3, 1, 0)
    results = store.results(job_id)
    assert [result.status for result in results] == ["ok", "ok", "error", "ok"]
    assert results[2].id == "m2"
    assert results[2].error.type == "urn:relaxd:error:resource:worker-lost"


def test_the_worker_of_a_task_that_was_split_is_told_to_stop(store):
    job_id = store.submit(2, per_task=2)
    lose(store, MAX_LOSSES - 1)
    ((ref, _),) = store.take()
    store.queue.release(ref, lost=True)
    assert store.queue.beat(ref) is Order.STOP
    assert not store.queue.finish(ref, [ok(0), ok(1)])
    assert store.counts(job_id) == (2, 0, 0, 0)


def test_a_molecule_alone_is_given_up_after_so_many_losses(store):
    job_id = store.submit(1)
    lose(store, MAX_LOSSES)
    assert store.queue.send("cpu", 1) == []
    assert store.state(job_id) == "failed"
    assert store.counts(job_id) == (1, 0, 1, 0)
    (result,) = store.results(job_id)
    assert result.error.type == "urn:relaxd:error:resource:worker-lost"


def test_a_release_without_a_loss_is_not_counted_as_one(store):
    job_id = store.submit(1)
    lose(store, MAX_LOSSES - 1)
    for _ in range(5):
        ((ref, _),) = store.take()
        store.queue.release(ref, lost=False)
    store.work_off()
    assert store.state(job_id) == "succeeded"
