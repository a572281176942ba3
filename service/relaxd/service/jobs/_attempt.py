"""One attempt at one task, as a worker runs it: claim, compute, keep the results."""

import logging
import socket
import uuid

import tenacity
from distributed import get_worker
from sqlalchemy.exc import SQLAlchemyError

from relaxd.client.schemas import JobResult
from relaxd.service._logging import logged_as
from relaxd.service.jobs._heart import Heart
from relaxd.service.jobs._refining import refine_task
from relaxd.service.jobs._relaxing import relax_task
from relaxd.service.jobs._runtime import Context, runtime_of
from relaxd.service.jobs._sampling import sample_task
from relaxd.service.store import Order, Queue, TaskRef

logger = logging.getLogger(__name__)

KINDS = {"relax": relax_task, "refine": refine_task, "sample": sample_task}
"""What does the tasks of each kind of job."""

FINISH_SECONDS = 3600.0
"""For so long a worker tries to hand in what it computed while the database is away, s."""


def run_attempt(context: Context, ref: TaskRef) -> bool:
    """Do a task, unless it is another attempt's by now.

    Returns:
        Whether its results count.
    """
    with logged_as(job_id=ref.job_id, task=ref.name):
        return _attempt(context, ref)


def _attempt(context: Context, ref: TaskRef) -> bool:
    runtime = runtime_of(context)
    work = runtime.queue.begin(ref, _claim())
    if work is None:
        return False
    with Heart(runtime.queue, ref) as heart:
        results = KINDS[ref.kind](runtime, ref, work, heart)
        if heart.order is Order.STOP:
            logger.info("%s: another attempt has taken over", ref.name)
            return False
        # The heart beats until the results are kept, so that nobody takes the task away.
        counts = _finish(runtime.queue, ref, results)
    logger.info("%s: %d of %d molecules done", ref.name, len(results), len(work.molecules))
    return counts


def _claim() -> str:
    """Return a name for this claim alone, which says where it is made."""
    try:
        address = get_worker().address
    except ValueError:  # outside of Dask
        address = socket.gethostname()
    return f"{address} {uuid.uuid4().hex}"


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(SQLAlchemyError),
    wait=tenacity.wait_random_exponential(1.0, 30.0),
    stop=tenacity.stop_after_delay(FINISH_SECONDS),
    reraise=True,
)
def _finish(queue: Queue, ref: TaskRef, results: list[JobResult]) -> bool:
    return queue.finish(ref, results)
