"""What the service adds to the model's own time, and how it batches concurrent requests.

Starts a server of its own on loopback, and stops it.
"""

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from _report import write

from relaxd.client import AsyncClient

N_CONCURRENT = 64
N_ROUNDS = 10
N_SEQUENTIAL = 200


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A running server's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "relaxd.service", "serve", "--port", str(port)]
    command += ["--log-level", "warning"]
    process = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Returns once the server answers that it is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/v1/health/ready").status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("the server did not become ready")


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
    with server() as url:
        figures = asyncio.run(measure(url, smiles))
    write("service_overhead", figures, ("fastapi", "uvicorn", "httpx", "torch"))
    for name, value in figures.items():
        print(f"{name:34s} {value:9.2f}")


if __name__ == "__main__":
    main()
