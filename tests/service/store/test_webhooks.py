"""Notices of the ends of jobs: each to one sender at a time, until it is told."""

from concurrent.futures import ThreadPoolExecutor

from tests.service.store.doubles import OWNER

from relaxd.service.store import Notice

WEBHOOK = {"url": "https://example.org/hook", "secret": "a secret of sixteen"}


def test_a_notice_is_due_once_the_job_has_ended(store):
    job_id = store.submit(1, webhook=WEBHOOK)
    store.submit(1)
    assert store.webhooks.take(10, 60.0) == []
    store.work_off()
    notice = Notice(job_id, OWNER, WEBHOOK["url"], WEBHOOK["secret"], tries=0)
    assert store.webhooks.take(10, 60.0) == [notice]


def test_a_notice_without_a_secret(store):
    job_id = store.submit(1, webhook={"url": "http://example.org/"})
    store.queue.cancel(job_id)
    (notice,) = store.webhooks.take(10, 60.0)
    assert notice.secret is None


def test_nobody_else_gets_a_notice_for_a_while(store, clock):
    store.submit(1, webhook=WEBHOOK)
    store.work_off()
    assert len(store.webhooks.take(10, 60.0)) == 1
    clock.advance(50.0)
    assert store.webhooks.take(10, 60.0) == []
    clock.advance(20.0)
    (notice,) = store.webhooks.take(10, 60.0)
    assert notice.tries == 1


def test_what_is_told_is_told_no_more(store, clock):
    job_id = store.submit(1, webhook=WEBHOOK)
    store.work_off()
    store.webhooks.take(10, 60.0)
    store.webhooks.settle(job_id, again_in=None)
    clock.advance(1e6)
    assert store.webhooks.take(10, 60.0) == []


def test_what_failed_is_tried_again_when_it_is_said(store, clock):
    job_id = store.submit(1, webhook=WEBHOOK)
    store.work_off()
    store.webhooks.take(10, 60.0)
    store.webhooks.settle(job_id, again_in=600.0)
    clock.advance(590.0)
    assert store.webhooks.take(10, 60.0) == []
    clock.advance(20.0)
    (notice,) = store.webhooks.take(10, 60.0)
    assert notice.tries == 1


def test_the_longest_due_come_first(store, clock):
    submitted = []
    for _ in range(3):
        submitted.append(store.submit(1, webhook=WEBHOOK))
        store.work_off()
        clock.advance(1.0)
    taken = store.webhooks.take(2, 60.0) + store.webhooks.take(2, 60.0)
    assert [notice.job_id for notice in taken] == submitted


def test_a_notice_of_a_deleted_job_is_gone(store):
    job_id = store.submit(1, webhook=WEBHOOK)
    store.work_off()
    store.webhooks.take(10, 60.0)
    store.jobs.purge(job_id)
    store.webhooks.settle(job_id, again_in=0.0)
    assert store.webhooks.take(10, 60.0) == []


def test_many_senders_never_share_a_notice(store):
    submitted = [store.submit(1, webhook=WEBHOOK) for _ in range(40)]
    store.work_off()

    def take(_):
        taken = []
        while notices := store.webhooks.take(3, 60.0):
            taken += [notice.job_id for notice in notices]
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [job_id for each in pool.map(take, range(8)) for job_id in each]
    assert sorted(taken) == sorted(submitted)
