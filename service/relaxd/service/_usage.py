"""What a result took: measured time, estimated energy."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from relaxd.client.schemas import Usage
from relaxd.service._settings import Settings

ReturnT = TypeVar("ReturnT")

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """Time spent on one molecule.

    Attributes:
        cpu_seconds: processor time, of all threads.
        gpu_seconds: time for which the GPU was held.
    """

    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        cpu, gpu = self.cpu_seconds + other.cpu_seconds, self.gpu_seconds + other.gpu_seconds
        return Cost(cpu, gpu)

    def __mul__(self, share: float) -> "Cost":
        return Cost(self.cpu_seconds * share, self.gpu_seconds * share)


def metered(function: Callable[..., ReturnT], *args: Any) -> tuple[ReturnT, Cost]:
    """Call a function and return its result with the processor time of this process meanwhile."""
    start = time.process_time()
    returned = function(*args)
    return returned, Cost(cpu_seconds=time.process_time() - start)


def usage(cost: Cost, settings: Settings) -> Usage:
    """Return a cost with the energy and the emissions that the operator's figures make of it."""
    watt_seconds = (
        cost.cpu_seconds * settings.watts_per_core + cost.gpu_seconds * settings.watts_per_gpu
    )
    energy_wh = watt_seconds / SECONDS_PER_HOUR
    intensity = settings.grid_g_per_kwh
    return Usage(
        cpu_seconds=cost.cpu_seconds,
        gpu_seconds=cost.gpu_seconds,
        energy_wh=energy_wh,
        co2e_g=None if intensity is None else energy_wh / 1000.0 * intensity,
        estimated=True,
    )
