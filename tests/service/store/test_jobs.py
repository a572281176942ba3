"""What callers see: their own jobs, pages, events, results; and how jobs go."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.service.store.doubles import EVERYTHING, OWNER, RETENTION, error, ok

from relaxd.service.store import Filters


def ids(jobs):
    return [job.id for job in jobs]


def submit_all(store, clock, options):
    """Submit jobs, a moment apart, and return their ids, the latest first."""
    submitted = []
    for each in options:
        submitted.insert(0, store.submit(1, **each))
        clock.advance(0.01)
    return submitted


def test_a_job_is_its_owners(store):
    job_id = store.submit(1)
    assert store.jobs.get(job_id, OWNER).id == job_id
    assert store.jobs.get(job_id, "bob") is None
    assert store.jobs.get(job_id, "") is None
    assert store.jobs.get("unknown", OWNER) is None
    assert store.jobs.page("bob", EVERYTHING, None, 10) == []


def test_pages_of_jobs_hold_each_once_latest_first(store, clock):
    submitted = submit_all(store, clock, [{}] * 7)
    before, seen = None, []
    while page := ids(store.jobs.page(OWNER, EVERYTHING, before, 3)):
        assert len(page) <= 3
        seen += page
        before = page[-1]
        submit_all(store, clock, [{}])  # those that come in the meantime are left out
    assert seen == submitted


def test_filters(store, clock):
    tagged, refine, plain = submit_all(
        store, clock, [{}, {"kind": "refine", "tags": ["b"]}, {"tags": ["a", "b"]}]
    )
    store.queue.cancel(plain)

    def found(**filters):
        return ids(store.jobs.page(OWNER, Filters(**filters), None, 10))

    assert found() == [tagged, refine, plain]
    assert found(tag="b") == [tagged, refine]
    assert found(tag="a") == [tagged]
    assert found(tag="c") == []
    assert found(kind="refine") == [refine]
    assert found(state="cancelled") == [plain]
    assert found(state="queued", kind="relax", tag="b") == [tagged]


def test_events_after_a_number(store):
    job_id = store.submit(3)
    store.work_off()
    events = store.events(job_id)
    assert len(events) == 6
    assert store.jobs.events(job_id, 0, 2) == events[:2]
    assert store.jobs.events(job_id, 2, 2) == events[2:4]
    assert store.jobs.events(job_id, 6, 2) == []
    assert store.jobs.events("unknown", 0, 2) == []


def test_nobody_sees_an_event_before_an_earlier_one(store):
    job_id = store.submit(60)
    begun = store.take(60)
    seen = []
    ended = threading.Event()

    def follow():
        while True:
            last = ended.is_set()
            seen.extend(store.jobs.events(job_id, seen[-1].id if seen else 0, 100))
            if last:
                return

    with ThreadPoolExecutor(7) as pool:
        following = pool.submit(follow)
        list(pool.map(lambda task: store.queue.finish(task[0], [ok(task[0].start)]), begun))
        ended.set()
        following.result()
    assert seen == store.events(job_id)
    done = [event.data["ok"] for event in seen if event.event == "progress"]
    assert done == list(range(1, 61))


def test_results_in_pages_while_the_job_runs(store):
    job_id = store.submit(6, per_task=2)
    begun = store.take(3)
    assert store.jobs.results(job_id, 0, 10, None) == ([], 0)
    store.queue.finish(begun[1][0], [ok(2), ok(3)])
    assert store.jobs.results(job_id, 0, 10, None) == ([], 0)
    store.queue.finish(begun[0][0], [ok(0), error(1)])
    assert store.jobs.results(job_id, 0, 3, None) == ([ok(0), error(1), ok(2)], 3)
    assert store.jobs.results(job_id, 3, 3, None) == ([ok(3)], 4)
    assert store.jobs.results(job_id, 4, 3, None) == ([], 4)
    store.queue.finish(begun[2][0], [ok(4), ok(5)])
    assert store.jobs.results(job_id, 4, 2, None) == ([ok(4), ok(5)], None)
    assert store.jobs.results(job_id, 4, 1, None) == ([ok(4)], 5)
    assert store.jobs.results("unknown", 0, 1, None) == ([], None)


def test_results_of_one_status(store):
    job_id = store.submit(6, per_task=3)
    (first, _), (second, _) = store.take(2)
    store.queue.finish(first, [ok(0), error(1), ok(2)])
    assert store.jobs.results(job_id, 0, 10, "error") == ([error(1)], 3)
    store.queue.finish(second, [ok(3), error(4)])
    assert store.jobs.results(job_id, 0, 1, "error") == ([error(1)], 2)
    (failed, cancelled), after = store.jobs.results(job_id, 2, 10, "error")
    assert failed == error(4)
    assert (cancelled.index, cancelled.error.title, after) == (5, "Cancelled", None)
    assert store.jobs.results(job_id, 1, 2, "ok") == ([ok(2), ok(3)], 4)
    assert store.jobs.results(job_id, 4, 2, "ok") == ([], None)


def test_purge_deletes_only_what_is_final(store):
    queued = store.submit(1)
    final = store.submit(1, key="key", tags=["a"])
    store.queue.cancel(final)
    store.jobs.purge(queued)
    store.jobs.purge(final)
    assert store.state(queued) == "queued"
    assert store.jobs.get(final, OWNER) is None
    assert store.jobs.events(final, 0, 10) == []
    assert store.jobs.molecules(final, 0, 10) == []
    assert store.results(final) == []
    assert store.jobs.page(OWNER, Filters(tag="a"), None, 10) == []
    assert store.submit(1, key="key") != final


def test_final_jobs_expire_after_their_retention(store, clock):
    waiting, final = store.submit(1), [store.submit(1) for _ in range(3)]
    for job_id in final:
        store.queue.cancel(job_id)
    clock.advance(RETENTION - 10.0)
    assert store.jobs.expire(10) == []
    clock.advance(20.0)
    expired = store.jobs.expire(2)
    assert len(expired) == 2
    expired += store.jobs.expire(2)
    assert sorted(expired) == sorted(final)
    assert store.jobs.expire(2) == []
    assert ids(store.jobs.page(OWNER, EVERYTHING, None, 10)) == [waiting]


def test_counts_of_all_jobs(store):
    assert store.jobs.counts() == {}
    store.submit(1)
    store.submit(1, owner="bob")
    store.queue.cancel(store.submit(1, kind="refine"))
    store.upload(1)
    assert store.jobs.counts() == {
        ("relax", "queued"): 2,
        ("refine", "cancelled"): 1,
        ("relax", "uploading"): 1,
    }
