"""Tasks of the kind `relax`: some molecules through the pipeline at once."""

import asyncio
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

from relaxd.client.schemas import JobResult
from relaxd.service._pipeline import Pipeline
from relaxd.service.jobs._heart import Heart
from relaxd.service.jobs._runtime import Runtime
from relaxd.service.store import TaskRef, Work


def relax_task(runtime: Runtime, _: TaskRef, work: Work, heart: Heart) -> list[JobResult]:
    """Relax molecules, each on its own.

    Returns:
        Their results; if it is stopped, those that are done.
    """
    results: list[JobResult] = []
    with suppress(CancelledError):
        runtime.stoppable(_relax_all(runtime.pipeline, work, results), heart)
    return list(results)


async def _relax_all(pipeline: Pipeline, work: Work, results: list[JobResult]) -> None:
    options = work.options.model_dump(include={"model", "trajectory", "conformers", "keep"})

    async def relax(index: int, molecule: Any) -> None:
        result = await pipeline.answer(molecule, **options)
        results.append(JobResult(index=index, **dict(result)))

    await asyncio.gather(*(relax(index, molecule) for index, molecule in work.molecules.items()))
