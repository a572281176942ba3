"""Jobs that come in: unseen until they are whole, and once only."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tests.service.store.doubles import EVERYTHING, OWNER, Store, starts

from relaxd.client.schemas import JobOptions
from relaxd.service.store import Database, FullError, IdempotencyError, Slicing

ONE = Slicing(1, 1.0, "cpu")


def n_jobs(store: Store) -> int:
    return sum(store.jobs.counts().values())


def test_a_job_is_seen_once_it_is_whole(store):
    job_id = store.upload(2)
    assert store.jobs.get(job_id, OWNER) is None
    assert store.jobs.page(OWNER, EVERYTHING, None, 10) == []
    assert store.queue.send("cpu", 10) == []
    assert store.queue.depth() == {}
    assert store.uploads.close(job_id, 2, "digest", None, ONE) == (job_id, False)
    assert store.state(job_id) == "queued"
    assert store.counts(job_id) == (2, 0, 0, 0)
    assert store.states(job_id) == ["queued"]


def test_ids_grow_with_time_and_fit_into_urls(store, clock):
    ids = []
    for _ in range(3):
        ids.append(store.upload(1))
        clock.advance(0.001)
    assert ids == sorted(ids)
    assert all(re.fullmatch("[0-9a-f]{24}", job_id) for job_id in ids)


def test_molecules_come_in_pieces_of_which_one_may_come_twice(store):
    job_id = store.uploads.open(OWNER, JobOptions())
    molecules = [json.dumps("C" * (i + 1)) for i in range(5)]
    store.uploads.add(job_id, 0, molecules[:3])
    store.uploads.add(job_id, 0, molecules[:3])
    store.uploads.add(job_id, 3, molecules[3:])
    store.uploads.close(job_id, 5, "digest", None, Slicing(2, 1.0, "cpu"))
    assert store.jobs.molecules(job_id, 0, 5) == molecules
    assert store.jobs.molecules(job_id, 1, 3) == molecules[1:3]
    refs = store.queue.send("cpu", 10)
    assert [(ref.start, ref.stop) for ref in refs] == [(0, 2), (2, 4), (4, 5)]


def test_any_text_is_kept_as_it_was(store):
    texts = [json.dumps(text, ensure_ascii=False) for text in ("", "\0", "µ→🧪", "x" * 10**6)]
    job_id = store.uploads.open(OWNER, JobOptions())
    store.uploads.add(job_id, 0, texts)
    assert store.jobs.molecules(job_id, 0, len(texts)) == texts


def test_what_was_asked_for_comes_back(store):
    options = {
        "kind": "refine",
        "refine": {"level": "fast", "solvent": "water"},
        "name": "a µ-name",
        "tags": ["b", "a", "b"],
        "priority": "high",
        "model": "small",
        "webhook": {"url": "https://example.org/", "secret": "s" * 16},
    }
    info = store.jobs.get(store.submit(1, **options), OWNER)
    assert info.model_dump(exclude_unset=True)["refine"]["level"] == "fast"
    assert (info.kind, info.name, info.tags, info.priority, info.model) == (
        "refine",
        "a µ-name",
        ["b", "a", "b"],
        "high",
        "small",
    )
    assert "s" * 16 not in info.model_dump_json()


def test_the_same_key_is_the_same_job(store):
    first = store.submit(1, key="key")
    again = store.upload(1)
    assert store.uploads.close(again, 1, "digest", "key", ONE) == (first, True)
    assert n_jobs(store) == 1
    store.work_off()
    assert store.submit(1, key="key") == first


def test_the_same_key_for_other_content_is_refused(store):
    store.submit(1, key="key")
    with pytest.raises(IdempotencyError):
        store.submit(1, key="key", digest="other")
    assert n_jobs(store) == 1


def test_keys_are_each_owners_own(store):
    ids = {store.submit(1, key="key", owner=owner) for owner in ("alice", "bob")}
    assert len(ids) == 2


def test_a_job_without_a_key_is_a_new_one(store):
    assert store.submit(1) != store.submit(1)


@pytest.mark.parametrize("digests", [("same", "same"), ("one", "other")])
def test_the_same_key_at_the_same_time_makes_one_job(store, digests):
    for number in range(10):
        gate = threading.Barrier(2)

        def send(digest: str, key: str = f"key {number}", gate: threading.Barrier = gate) -> str:
            job_id = store.upload(1)
            gate.wait()
            try:
                return store.uploads.close(job_id, 1, digest, key, ONE)[0]
            except IdempotencyError:
                return "refused"

        with ThreadPoolExecutor(2) as pool:
            answers = set(pool.map(send, digests))
        assert len(answers - {"refused"}) == 1
        assert ("refused" in answers) == (digests[0] != digests[1])
        assert n_jobs(store) == number + 1


def test_close_twice_is_close_once(store):
    job_id = store.upload(2)
    assert store.uploads.close(job_id, 2, "digest", "key", ONE) == (job_id, False)
    assert store.uploads.close(job_id, 2, "digest", "key", ONE) == (job_id, False)
    assert len(store.queue.send("cpu", 10)) == 2
    assert store.states(job_id) == ["queued"]


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_deduplicate_answers_with_an_earlier_job(store, state):
    first = store.submit(2)
    if state == "running":
        store.take()
    if state == "succeeded":
        store.work_off()
    assert store.state(first) == state
    again = store.upload(2, deduplicate=True)
    assert store.uploads.close(again, 2, "digest", None, ONE) == (first, True)
    assert n_jobs(store) == 1


def test_deduplicate_does_not_answer_with_what_failed_or_is_cancelled(store):
    cancelled = store.submit(1)
    store.queue.cancel(cancelled)
    failed = store.submit(1)
    ((ref, _),) = store.take()
    store.queue.finish(ref, [])
    being_cancelled = store.submit(1)
    store.take()
    store.queue.cancel(being_cancelled)
    new = store.submit(1, deduplicate=True)
    assert new not in {cancelled, failed, being_cancelled}


def test_deduplicate_is_for_the_same_owner_and_content(store):
    first = store.submit(1)
    assert store.submit(1, deduplicate=True, owner="bob") != first
    assert store.submit(1, deduplicate=True, digest="other") != first
    assert store.submit(1, deduplicate=True) == first


def test_no_more_is_taken_than_may_wait(database):
    store = Store(database, max_waiting=3)
    running = store.submit(2)
    store.submit(1)
    with pytest.raises(FullError) as caught:
        store.uploads.open(OWNER, JobOptions())
    assert caught.value.waiting == 3
    ((ref, _),) = store.take()
    assert ref.job_id == running
    store.queue.finish(ref, [])
    store.submit(1)


def test_a_job_that_breaks_off_leaves_nothing(store):
    job_id = store.upload(3)
    store.uploads.discard(job_id)
    assert store.jobs.molecules(job_id, 0, 3) == []
    assert n_jobs(store) == 0


def test_only_what_is_uploading_is_discarded(store):
    job_id = store.submit(1)
    store.uploads.discard(job_id)
    assert store.state(job_id) == "queued"


def test_stale_uploads_are_discarded(store, clock):
    submitted, dead, alive = store.submit(1), store.upload(1), store.upload(1)
    clock.advance(100.0)
    store.uploads.add(alive, 1, ['"C"'])
    store.uploads.discard_stale(50.0)
    assert store.jobs.molecules(dead, 0, 1) == []
    assert len(store.jobs.molecules(alive, 0, 2)) == 2
    assert store.state(submitted) == "queued"


def test_a_job_of_the_last_server_is_still_there(url):
    with closing(Database(url)) as database:
        job_id = Store(database).submit(2)
    with closing(Database(url)) as database:
        store = Store(database)
        assert starts(store.queue.send("cpu", 10)) == [0, 1]
        assert store.state(job_id) == "queued"
