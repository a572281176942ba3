"""The bar that shows how a job gets on, told by its events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from typing import Any

from tqdm import tqdm

from relaxd.client import Job, RelaxdError
from relaxd.client.schemas import Counts, JobEvent
from relaxd.service.cli._refine_table import ID_SHOWN, describe_step


@contextmanager
def watching(job: Job, doing: str) -> Iterator[None]:
    """Show a bar on standard error while the block runs; nothing where that is no terminal.

    Args:
        job: whose events are shown, read in a thread of their own.
        doing: what it does, in a word.
    """
    counts = job.info.counts
    with tqdm(total=counts.total, initial=counts.done, desc=doing, unit="mol", disable=None) as bar:
        if bar.disable:
            yield
            return
        ended = threading.Event()
        # A handle of its own: both note what they hear of the job.
        thread = threading.Thread(target=_watch, args=(copy(job), bar, ended), daemon=True)
        thread.start()
        try:
            yield
            bar.update(counts.total - bar.n)
        finally:
            ended.set()


def _watch(job: Job, bar: Any, ended: threading.Event) -> None:
    # Whoever reads the results hears of the same faults, and tells them; then the client is closed.
    with suppress(RelaxdError, RuntimeError):
        for event in job.events():
            if ended.is_set():
                return
            _show(event, bar)


def _show(event: JobEvent, bar: Any) -> None:
    if event.event == "progress":
        done = Counts.model_validate(event.data).done
        bar.update(max(0, done - bar.n))
    elif event.event == "step":
        data = event.data
        id = data.get("id") or str(data["index"] + 1)
        bar.set_postfix_str(describe_step(id, data["n_gradients"], data["max_force"]))
    elif event.event == "sampling":
        data = event.data
        id = data.get("id") or str(data["index"] + 1)
        bar.set_postfix_str(f"{id[:ID_SHOWN]}: {data['done']} of {data['total']}")
