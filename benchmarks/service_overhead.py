"""What the service adds to the model's own time, and how it batches concurrent requests.

Starts a server of its own on loopback, and stops it.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from _report import write

from relaxd.client import AsyncClient
from relaxd.service.testing import running_service

N_CONCURRENT = 64
N_ROUNDS = 10
N_SEQUENTIAL = 200


def counter(url: str, name: str) -> float:
    """The value of a counter in the server's metrics."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise LookupError(name)


async def measure(url: str, smiles: list[str]) -> dict[str, float]:
    """Latencies of single-molecule requests, one after the other and all at once."""
    async with AsyncClient(url) as client:

        async def post(i: int) -> tuple[float, float]:
            clock = time.perf_counter()
            (result,) = await client.relax([smiles[i % len(smiles)]])
            result.raise_for_status()
            return time.perf_counter() - clock, result.relaxation.seconds

        await asyncio.gather(*(post(i) for i in range(len(smiles))))
        sequential = [await post(i) for i in range(N_SEQUENTIAL)]
        passes, concurrent = [], []
        for _ in range(N_ROUNDS):
            before = counter(url, "relaxd_forward_passes_total")
            concurrent += await asyncio.gather(*(post(i) for i in range(N_CONCURRENT)))
            passes.append(counter(url, "relaxd_forward_passes_total") - before)
    milliseconds = {
        "sequential_p50_ms": statistics.median(total for total, _ in sequential),
        "sequential_model_p50_ms": statistics.median(model for _, model in sequential),
        "sequential_overhead_p50_ms": statistics.median(t - model for t, model in sequential),
        "concurrent_p50_ms": statistics.median(total for total, _ in concurrent),
        "concurrent_model_p50_ms": statistics.median(model for _, model in concurrent),
        "concurrent_overhead_p50_ms": statistics.median(t - model for t, model in concurrent),
    }
    return {
        **{name: 1e3 * seconds for name, seconds in milliseconds.items()},
        "requests_per_round": N_CONCURRENT,
        "forward_passes_per_round_median": statistics.median(passes),
    }


def main() -> None:
    smiles = (Path(__file__).parent / "molecules.smi").read_text().split()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "service.log"
        with running_service("--log-level=warning", log=log) as url:
            figures = asyncio.run(measure(url, smiles))
    write("service_overhead", figures, ("fastapi", "uvicorn", "httpx", "torch"))
    for name, value in figures.items():
        print(f"{name:34s} {value:9.2f}")


if __name__ == "__main__":
    main()
