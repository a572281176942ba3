"""The server's own workers: killed as they start, and given up by Dask."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from relaxd.client import Client, Job
from relaxd.service.testing import running_service

pytestmark = pytest.mark.slow

SECONDS = 120.0
"""For anything to happen, however busy the machine is."""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    # Dask gives up a worker that is not back by then, and none can be.
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "1ms")
    flags = ("--workers=1", "--job-workers=1", "--lease-seconds=5")
    with running_service(*flags, log=tmp_path / "service.log") as url, Client(url) as client:
        yield client


def the_worker() -> psutil.Process:
    """The process that does jobs, as soon as there is one."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    return child
        time.sleep(0.01)
    raise TimeoutError("there is no worker")


def outcome(job: Job) -> tuple[str, int]:
    info = job.wait(SECONDS)
    return info.state, info.counts.ok


def test_workers_are_there_whatever_ends_them(client: Client) -> None:
    job = client.submit(["C"])
    the_worker().kill()  # long before it can be of use
    assert outcome(job) == ("succeeded", 1)

    the_worker().kill()
    assert outcome(client.submit(["O"])) == ("succeeded", 1)
