"""What becomes of ten thousand molecules made to do harm, sent to a server of its own.

Fails if one ends with an error that is the server's own, or with neither error nor geometry.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from _report import write
from _server import server

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.service.hostile import attack

from relaxd.service.testing import running_service

PIECE = 1000
"""Molecules of one seed."""

SECONDS = 5.0
"""For one molecule."""


TIMEOUT = 1800.0
"""For a batch of molecules, s."""


async def run(url: str, n: int) -> dict[str, Any]:
    """Send the molecules piece by piece, and look at the server's memory after each."""
    process, clock = server(), time.perf_counter()
    counts, faults, memory = Counter[str](), list[Any](), [process.memory_info().rss / 2**20]
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as client:
        for seed in range(n // PIECE):
            outcome = await attack(client, seed, PIECE)
            counts += outcome.counts
            faults += outcome.faults
            memory.append(process.memory_info().rss / 2**20)
            seconds = time.perf_counter() - clock
            print(f"{sum(counts.values()):6d} molecules {seconds:7.0f} s {memory[-1]:6.0f} MB")
    for fault in faults:
        print(fault)
    return {
        "n_molecules": sum(counts.values()),
        "counts": dict(counts.most_common()),
        "n_faults": len(faults),
        "seconds": round(time.perf_counter() - clock, 1),
        "seconds_per_molecule_at_most": SECONDS,
        "server_rss_mb": [round(megabytes) for megabytes in memory],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=int, default=11_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flags = (
            f"--database=sqlite:///{folder / 'relaxd.db'}",
            f"--journals={folder / 'journals'}",
            f"--molecule-seconds={SECONDS}",
            "--log-level=error",
            "--workers=2",
        )
        with running_service(*flags, log=folder / "service.log") as url:
            try:
                figures = asyncio.run(run(url, options.molecules))
            finally:
                print((folder / "service.log").read_text()[-5000:])
    write("hostile", figures, ("rdkit", "ase", "qcelemental", "tblite", "torch", "fastapi"))
    if figures["n_faults"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
