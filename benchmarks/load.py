"""What a server delivers at saturation, beside the same work in process, and at twice as much.

Starts a server of its own on loopback, and asks it from another process. The molecules come as
geometries, which cost the server little to read, and, as a second row, as SMILES to be embedded.
"""

import argparse
import asyncio
import multiprocessing
import queue
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import matplotlib.pyplot as plt
from _report import RESULTS, write
from _server import server

from relaxd.service.testing import running_service

BATCH = 64
"""Molecules of one request, and of one call in process."""

N_CLIENTS = 4
"""Requests under way at saturation."""

N_ROUNDS = 6
OVERLOAD = 2.0
"""Offered load in the second part, by the measured capacity."""

SAMPLE_SECONDS = 1.0

TIMEOUT = 60.0
"""For a request, s."""

MODEL = "relaxd-small"

Entries = list[Any]
"""Molecules as JSON."""


def in_process(calls: Any, answers: Any) -> None:
    """Relaxes what it is sent, as long as it is told to, and tells molecules per second."""
    import ase
    import torch

    from relaxd.relax import Relaxer

    torch.set_num_threads(1)
    relaxer = Relaxer.load(MODEL)
    answers.put(0.0)
    while (call := calls.get()) is not None:
        entries, seconds = call
        inputs = [
            entry
            if isinstance(entry, str)
            else ase.Atoms(entry["atomic_numbers"], entry["positions"])
            for entry in entries
        ]
        n, clock = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - clock) < seconds:
            n += len(relaxer.relax_batch(inputs))
        answers.put(n / elapsed)


def over_http(calls: Any, answers: Any) -> None:
    """Asks the server with a few clients as fast as it answers, and tells molecules per second."""
    answers.put(0.0)
    while (call := calls.get()) is not None:
        answers.put(asyncio.run(saturate(*call)))


async def saturate(url: str, entries: Entries, seconds: float) -> float:
    """Molecules per second."""
    n, clock = 0, time.perf_counter()

    async def ask() -> None:
        nonlocal n
        while time.perf_counter() - clock < seconds:
            response = await http.post("/v1/relax", json={"molecules": entries})
            response.raise_for_status()
            n += len(entries)

    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as http:
        await asyncio.gather(*(ask() for _ in range(N_CLIENTS)))
    return n / (time.perf_counter() - clock)


def overload(calls: Any, answers: Any) -> None:
    """Sends requests at a fixed rate, whatever becomes of them, and tells of each."""
    answers.put(0.0)
    while (call := calls.get()) is not None:
        answers.put(asyncio.run(open_loop(*call)))


async def open_loop(
    url: str, entries: Entries, rate: float, seconds: float
) -> list[tuple[float, int, float, bool]]:
    """Start, status, duration of each request, and whether it says when to come again."""
    found: list[tuple[float, int, float, bool]] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    begin = time.perf_counter()

    async def ask() -> None:
        clock = time.perf_counter()
        try:
            response = await http.post("/v1/relax", json={"molecules": entries})
            status, says = response.status_code, "Retry-After" in response.headers
        except httpx.TransportError:
            status, says = 0, False
        found.append((clock - begin, status, time.perf_counter() - clock, says))

    async with (
        httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits) as http,
        asyncio.TaskGroup() as group,
    ):
        for i in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + i / rate - time.perf_counter()))
            group.create_task(ask())
    return found


class Process:
    """A function in a process of its own, which answers calls one by one."""

    def __init__(self, function: Callable[[Any, Any], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._calls, self._answers = context.Queue(), context.Queue()
        self._process = context.Process(
            target=function, args=(self._calls, self._answers), daemon=True
        )
        self._process.start()
        self._answers.get()

    def __call__(self, *args: Any) -> Any:
        """Call, and return what the function tells."""
        self.start(*args)
        return self._answers.get()

    def start(self, *args: Any) -> None:
        """Call, and go on."""
        self._calls.put(args)

    def poll(self, seconds: float) -> Any:
        """What the call returned, or None if it has not yet."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """End the process."""
        self._calls.put(None)
        self._process.join()


def compare(url: str, entries: Entries, seconds: float, rounds: int) -> dict[str, Any]:
    """Molecules per second in process and over HTTP, in turns."""
    library, client = Process(in_process), Process(over_http)
    found: dict[str, list[float]] = {"in_process": [], "http": []}
    library(entries, 1.0)
    client(url, entries, 1.0)
    for _ in range(rounds):
        found["in_process"].append(library(entries, seconds))
        found["http"].append(client(url, entries, seconds))
    library.stop()
    client.stop()
    ratios = [http / alone for alone, http in zip(*found.values(), strict=True)]
    return {
        "molecules_per_second": {name: statistics.median(rates) for name, rates in found.items()},
        "http_to_in_process": statistics.median(ratios),
        "rounds": found,
    }


def sustain(url: str, entries: Entries, capacity: float, seconds: float) -> dict[str, Any]:
    """What becomes of twice the load that the server can bear, and of its memory."""
    client, process, memory = Process(overload), server(), []
    rate = OVERLOAD * capacity / len(entries)
    clock = time.perf_counter()
    client.start(url, entries, rate, seconds)
    while (found := client.poll(SAMPLE_SECONDS)) is None:
        memory.append((time.perf_counter() - clock, process.memory_info().rss / 2**20))
    client.stop()
    accepted = sorted(duration for _, status, duration, _ in found if status == 200)
    refused = [says for _, status, _, says in found if status == 429]
    quantiles = statistics.quantiles(accepted, n=100)
    return {
        "minutes": seconds / 60,
        "requests_per_second": rate,
        "molecules_per_request": len(entries),
        "by_status": dict(Counter(str(status) for _, status, _, _ in found)),
        "molecules_per_second": len(accepted) * len(entries) / seconds,
        "p50_s": quantiles[49],
        "p99_s": quantiles[98],
        "every_429_says_retry_after": all(refused),
        "rss_mb": memory,
        "durations_s": [(start, took) for start, status, took, _ in found if status == 200],
    }


def plot(figures: dict[str, Any]) -> None:
    """Answer times and memory during the overload."""
    load = figures["overload"]
    figure, (times, memory) = plt.subplots(
        2, 1, figsize=(7, 4.2), sharex=True, layout="constrained"
    )
    times.plot(*zip(*load["durations_s"], strict=True), ".", color="#3b6ea5", markersize=3)
    times.set(ylabel="answer, s", ylim=(0, None))
    memory.plot(*zip(*load["rss_mb"], strict=True), color="#3b6ea5")
    memory.set(xlabel="s", ylabel="server, MB", ylim=(0, None))
    figure.savefig(RESULTS.parent / "load.png", dpi=150)


def geometries(smiles: list[str]) -> Entries:
    """The molecules as a caller has them who has embedded them."""
    from relaxd.relax import from_smiles

    return [
        {"atomic_numbers": m.atomic_numbers.tolist(), "positions": m.positions.tolist()}
        for m in map(from_smiles, smiles)
    ]


def measure(url: str, smiles: list[str], options: argparse.Namespace) -> dict[str, Any]:
    given = geometries(smiles)
    figures = {
        "geometries": compare(url, given, options.seconds, options.rounds),
        "smiles": compare(url, smiles, options.seconds, max(1, options.rounds // 2)),
    }
    capacity = figures["geometries"]["molecules_per_second"]["http"]
    return figures | {"overload": sustain(url, given, capacity, 60 * options.minutes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of overload")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    options = parser.parse_args()
    listed = (Path(__file__).parent / "molecules.smi").read_text().split()
    smiles = (listed * BATCH)[:BATCH]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flags = (
            f"--database=sqlite:///{folder / 'relaxd.db'}",
            f"--journals={folder / 'journals'}",
            f"--model={MODEL}",
            "--threads=1",
            "--log-level=error",
        )
        with running_service(*flags, log=folder / "service.log") as url:
            figures = measure(url, smiles, options)
    write("load", figures, ("fastapi", "uvicorn", "pydantic", "httpx", "torch"))
    plot(figures)
    for row in ("geometries", "smiles"):
        rates = figures[row]["molecules_per_second"]
        print(
            f"{row:11s} {rates['in_process']:8.1f} in process {rates['http']:8.1f} over HTTP "
            f"molecules/s   ratio {figures[row]['http_to_in_process']:.2f}"
        )
    shown = ("by_status", "molecules_per_second", "p50_s", "p99_s", "every_429_says_retry_after")
    print({name: figures["overload"][name] for name in shown})


if __name__ == "__main__":
    main()
