"""A progress bar, in terminals and notebooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from relaxd.client._optional import require
from relaxd.client.schemas import JobInfo


@contextmanager
def showing(info: JobInfo, progress: bool) -> Iterator[Callable[[JobInfo], None]]:
    """Yield what shows how a job gets on; it does nothing where no progress is asked for.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    if not progress:
        yield lambda _: None
        return
    counts = info.counts
    label = info.name or info.id
    tqdm = require("tqdm.auto").tqdm
    with tqdm(total=counts.total, initial=counts.done, desc=label, unit="molecule") as bar:

        def show(now: JobInfo) -> None:
            bar.set_postfix_str(now.state, refresh=False)
            bar.update(now.counts.done - bar.n)

        yield show
