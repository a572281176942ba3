"""What the engine of jobs costs for each molecule, from 1 to 100,000 in a job.

The chemistry and the model take no time, so that what is measured is receiving, keeping, sending,
claiming, and keeping results: with the server's own workers, on SQLite in a temporary folder. For
scale, the time of a real relaxation, embedding included, is measured in the same run.

    python benchmarks/scale.py

Results go to `results/scale.json` and `results/scale.png`.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import null_chemistry

from relaxd.client.schemas import JobOptions
from relaxd.relax import Relaxer, relax_fallback
from relaxd.service import Settings
from relaxd.service._chemistry import read_molecule
from relaxd.service._receiving import Receiver
from relaxd.service.jobs import Context, JobEngine
from relaxd.service.store import Slicing

RESULTS = Path(__file__).parent / "results"

SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
REAL_SIZES = (1, 10, 100, 1_000)
REPEATS = {1: 9, 10: 9, 100: 5, 1_000: 3}
"""How often each size is measured; others once."""

SMILES = ("CC(=O)OCC(N)C=O", "c1ccncc1O", "OCC1CC1C#N", "CC(C)OC=O", "NC(=O)c1ccoc1")


class Unlimited:
    """A quota that nobody uses up."""

    def spend(self, n: int) -> None:
        """Count nothing."""

    def give_back(self, n: int) -> None:
        """Count nothing."""


async def timed(engine: JobEngine, n: int) -> dict[str, float]:
    """Have a job of so many molecules done, and return how long it was received and worked on."""
    settings = engine.settings
    slicing = Slicing(settings.job_molecules, 1.0, "cpu")
    receiver = Receiver(engine.uploads, settings.max_job_molecules, lambda _: slicing, Unlimited())
    molecules = (SMILES[i % len(SMILES)] for i in range(n))
    start = time.perf_counter()
    job_id, _ = await asyncio.to_thread(receiver.receive, "", JobOptions(), molecules, None)
    received = time.perf_counter()
    engine.dispatcher.wake()
    while True:
        info = await asyncio.to_thread(engine.jobs.get, job_id, "")
        if info is not None and info.state == "succeeded":
            break
        await asyncio.sleep(0.005)
    return {"receive": received - start, "total": time.perf_counter() - start}


async def measured(
    sizes: tuple[int, ...], load: Callable[..., Any], read: Any, fallback: Any
) -> dict[int, dict[str, float]]:
    """Return the median times of jobs of several sizes. Unit: s."""
    with tempfile.TemporaryDirectory(prefix="relaxd-scale-") as name:
        folder = Path(name)
        settings = Settings(
            database=f"sqlite:///{folder / 'relaxd.db'}", journals=folder, job_workers=1
        )
        async with JobEngine(Context(settings, load, read, fallback)) as engine:
            await timed(engine, 64)  # the worker is started, and has loaded all it needs
            found = {}
            for n in sizes:
                rows = [await timed(engine, n) for _ in range(REPEATS.get(n, 1))]
                found[n] = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
                print(n, found[n], flush=True)
            return found


def plot(engine: dict[int, dict[str, float]], real: dict[int, dict[str, float]]) -> None:
    """Draw the time of a molecule against the size of its job."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for label, rows in (("engine alone", engine), ("with relaxation of a SMILES", real)):
        per_molecule = [1000 * row["total"] / n for n, row in rows.items()]
        axes.loglog(list(rows), per_molecule, "o-", label=label)
    axes.set_xlabel("molecules in the job")
    axes.set_ylabel("time per molecule / ms")
    axes.legend()
    figure.savefig(RESULTS / "scale.png", dpi=150)


def main() -> None:
    null = (null_chemistry.load, null_chemistry.read, null_chemistry.fallback)
    engine = asyncio.run(measured(SIZES, *null))
    real = asyncio.run(measured(REAL_SIZES, Relaxer.load, read_molecule, relax_fallback))
    row = {
        "workers": 1,
        "database": "sqlite",
        "engine_seconds": engine,
        "engine_ms_per_molecule": {n: 1000 * row["total"] / n for n, row in engine.items()},
        "with_relaxation_seconds": real,
        "with_relaxation_ms_per_molecule": {n: 1000 * row["total"] / n for n, row in real.items()},
    }
    (RESULTS / "scale.json").write_text(json.dumps(row, indent=2) + "\n")
    plot(engine, real)


if __name__ == "__main__":
    main()
