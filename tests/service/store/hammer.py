"""Works off all tasks of a database from several threads; run as a process by tests."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from sqlalchemy.exc import DBAPIError
from tests.service.store.doubles import Store, ok

from relaxd.service.store import Database, TaskRef

SECONDS = 300.0
"""After so long, work that does not end is given up."""


def hammer(store: Store, n_threads: int) -> list[TaskRef]:
    """Return the attempts whose results counted, once no task is left."""
    finished: list[TaskRef] = []
    give_up = time.monotonic() + SECONDS

    def work(_: int) -> None:
        while store.queue.depth():
            assert time.monotonic() < give_up
            finished.extend(_work_once(store))

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, range(n_threads)))
    return finished


def _work_once(store: Store) -> list[TaskRef]:
    try:
        refs = store.queue.send("cpu", 2)
    except DBAPIError:
        # As the reconciler does, which waits longer before it believes that nobody has them.
        for pulse in store.queue.pulses():
            if not pulse.running:
                store.queue.release(pulse.ref, lost=False)
        return []
    finished = []
    for ref in refs:
        work = store.queue.begin(ref, f"{ref.name} {threading.get_ident()}")
        if work is not None:
            store.queue.beat(ref)
            if store.queue.finish(ref, [ok(index) for index in work.molecules]):
                finished.append(ref)
    return finished


def main() -> None:
    with closing(Database(sys.argv[1])) as database:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for ref in hammer(Store(database), int(sys.argv[2])):
            sys.stdout.write(f"{ref.job_id} {ref.start}\n")


if __name__ == "__main__":
    main()
