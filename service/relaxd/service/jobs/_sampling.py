"""Tasks of the kind `sample`: one molecule after the other, in a process that can be killed."""

import logging
import time
from concurrent.futures import CancelledError
from functools import cache
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from relaxd.client.schemas import JobResult, SampleOptions
from relaxd.relax import Molecule, MoleculeError, Relaxer
from relaxd.service._faults import problem_of
from relaxd.service._problems import ProblemError
from relaxd.service._sampled import Drawn, draw, sampled_of
from relaxd.service._usage import Cost, metered, usage
from relaxd.service._wire import error_result
from relaxd.service._workers import tell
from relaxd.service.jobs._heart import Heart
from relaxd.service.jobs._runtime import Runtime
from relaxd.service.store import Order, TaskRef, Work

logger = logging.getLogger(__name__)

TELL_SECONDS = 1.0
"""Least time between two events of a molecule, but for the last one. Unit: s."""


DIVERGED = {"non-finite-positions", "overlapping-atoms", "positions-out-of-range"}
"""Codes of a molecule that was read, and that the model has made none of."""


def sample_task(runtime: Runtime, ref: TaskRef, work: Work, heart: Heart) -> list[JobResult]:
    """Sample molecules.

    Returns:
        Their results; if it is stopped, those that are done.
    """
    options = work.options.sample or SampleOptions()
    results = []
    for index, item in work.molecules.items():
        if heart.order is not Order.GO_ON:
            break
        try:
            drawing = _drawn(runtime, ref, index, item, options, work.options.model)
            drawn, cost = runtime.stoppable(drawing, heart)
            result = sampled_of(drawn, usage(cost, runtime.settings))
        except CancelledError:
            break
        except Exception as error:
            result = error_result(item, problem_of(error))
        results.append(JobResult(index=index, **dict(result)))
    return results


async def _drawn(
    runtime: Runtime,
    ref: TaskRef,
    index: int,
    item: Any,
    options: SampleOptions,
    model: str | None,
) -> tuple[Drawn, Cost]:
    molecule, reading = await runtime.pipeline.read(item, model)
    settings, pipeline = runtime.settings, runtime.pipeline
    name = pipeline.name_of(model)
    source = settings.model if name == pipeline.default else name

    def heard(progress: tuple[int, int]) -> None:
        done, total = progress
        data = {"index": index, "id": molecule.id, "done": done, "total": total}
        try:
            runtime.queue.tell(ref, data, "sampling")
        except SQLAlchemyError as error:  # the work goes on; the next may get through
            logger.warning("no progress of %s is told: %s", ref.name, error)

    asked = (molecule, options, source, settings.device)
    start = time.perf_counter()
    try:
        drawn, cost = await runtime.pool.run(metered, draw_in_worker, *asked, heard=heard)
    except MoleculeError as error:
        if error.code in DIVERGED:
            raise ProblemError("convergence", "diverged", error.message) from error
        raise
    if settings.device != "cpu":
        cost = cost + Cost(gpu_seconds=time.perf_counter() - start)
    return drawn, reading + cost


def draw_in_worker(molecule: Molecule, options: SampleOptions, model: str, device: str) -> Drawn:
    """Draw conformations; what is done is told to the caller of this worker process.

    Raises:
        MoleculeError: as of `draw`.
    """
    last = float("-inf")

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= TELL_SECONDS:
            last = now
            tell((done, total))

    return draw(_relaxer(model, device), molecule, options, progress)


@cache
def _relaxer(model: str, device: str) -> Relaxer:
    return Relaxer.load(model, device)
