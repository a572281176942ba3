"""A service of one's own, for demonstrations, benchmarks and tests."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from relaxd.client import Client

START_SECONDS = 120.0
"""Longest wait for the service to be ready, s."""

STOP_SECONDS = 20.0
"""Longest wait for the service to end when asked to, s."""


@contextmanager
def running_service(*flags: str, log: Path, port: int | None = None) -> Iterator[str]:
    """Yield the address of a service that is ready; it ends with the block, however that ends.

    Its jobs go with it, unless it is told where to keep them.

    Args:
        flags: of `relaxd serve`, besides port and drain time.
        log: file for what it prints.
        port: where it listens; a free one if not given.

    Raises:
        SystemExit: it did not start; the message holds the end of its log.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "relaxd.service", "serve", f"--port={port}"]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="relaxd-") as folder:
        command += [f"--database=sqlite:///{folder}/relaxd.db", f"--journals={folder}/journals"]
        command += ["--drain-seconds=5", *flags]
        with log.open("w") as file:
            # In a session of its own, so that Ctrl-C comes to this process alone.
            process = subprocess.Popen(  # noqa: S603 - our own service
                command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _wait_until_ready(url, process, log)
            yield url
        finally:
            _stop(process)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the service can relax.

    Raises:
        SystemExit: it failed, or took too long; the message holds the end of its log.
    """
    deadline = time.monotonic() + START_SECONDS
    with Client(url) as client:
        while not client.ready():
            if _has_failed(url, process) or time.monotonic() > deadline:
                raise SystemExit(f"The service did not start. {log}:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)


def _has_failed(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the service ended, or says itself that it never will be ready."""
    if process.poll() is not None:
        return True
    try:
        return not httpx.get(f"{url}/v1/health/live").is_success
    except httpx.TransportError:
        return False  # it does not listen yet


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the service, by force if it takes too long."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
