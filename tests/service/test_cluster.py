"""Workers of a Dask scheduler of the operator's own: killed, told to end, and left alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from relaxd.client import Client, Job
from relaxd.service.testing import free_port, running_service

pytestmark = pytest.mark.slow

SECONDS = 300.0
"""For a job to end, however busy the machine is."""


@contextmanager
def running(folder: Path, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is asked to end with the block."""
    with (folder / f"{Path(command[-1]).name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Cluster:
    """A scheduler and its workers.

    Args:
        folder: for logs.
        stack: ends what is started.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._port = free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker(), self.start_worker()]

    def start_scheduler(self) -> "subprocess.Popen[bytes]":
        flags = ("--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard")
        return self._start("distributed.cli.dask_scheduler", *flags)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return self._start("relaxd.service", "worker", "--scheduler", self.address)

    def at_work(self) -> psutil.Process:
        """The process of the worker that DFT runs for."""
        (found,) = [
            child
            for worker in self.workers
            if worker.poll() is None
            for child in psutil.Process(worker.pid).children()
            if any("dft_bridge" in " ".join(each.cmdline()) for each in child.children())
        ]
        return found

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        return self._stack.enter_context(running(self._folder, *command))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.fixture
def client(cluster: Cluster, tmp_path: Path) -> Iterator[Client]:
    flags = [f"--database=sqlite:///{tmp_path}/relaxd.db", f"--journals={tmp_path}/journals"]
    flags += [f"--scheduler={cluster.address}", "--workers=1", "--lease-seconds=5"]
    with running_service(*flags, log=tmp_path / "service.log") as url, Client(url) as client:
        yield client


def refining(client: Client) -> Job:
    """A job whose DFT has begun."""
    job = client.refine(["CCO"], level="hf/sto-3g")
    next(event for event in job.events() if event.event == "step")
    return job


def outcome(job: Job) -> tuple[Any, ...]:
    info = job.wait(SECONDS)
    return info.state, info.counts.ok, info.counts.total


def test_whatever_ends_the_jobs_do(client: Client, cluster: Cluster) -> None:
    assert outcome(client.submit(["C", "O", "N"])) == ("succeeded", 3, 3)
    assert outcome(client.refine(["O"], level="hf/sto-3g")) == ("succeeded", 1, 1)
    mapped = [each.path for each in psutil.Process(cluster.scheduler.pid).memory_maps()]
    assert not any("torch" in path for path in mapped)  # it has read nothing of the jobs

    job = refining(client)
    cluster.at_work().send_signal(signal.SIGKILL)
    assert outcome(job) == ("succeeded", 1, 1)

    job = refining(client)
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    cluster.scheduler = cluster.start_scheduler()
    assert outcome(job) == ("succeeded", 1, 1)

    job = refining(client)
    for worker in cluster.workers:
        worker.terminate()
    assert [worker.wait(60) for worker in cluster.workers] == [0, 0]
    cluster.workers = [cluster.start_worker()]
    assert outcome(job) == ("succeeded", 1, 1)
