"""Nothing lost, nothing twice: jobs while everything that does them is killed at random.

A server, its workers, the processes of DFT, the scheduler and the connections to the database are
ended with SIGKILL, over and over, while jobs come in, run and are cancelled. In the end every job
must be in the one right state, and every molecule must have exactly one result, the right one.

    python benchmarks/chaos.py --database sqlite
    python benchmarks/chaos.py --database postgresql

With SQLite the workers are the server's own; with PostgreSQL they are those of a Dask scheduler.
Results go to `results/chaos.json`.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from relaxd.client import Client, Job, RetryPolicy
from relaxd.client.schemas import RefineOptions
from relaxd.service.testing import free_port

RESULTS = Path(__file__).parent / "results" / "chaos.json"

GOOD = ("CCO", "NC=O", "C1CC1", "CC(C)=O", "c1ccoc1", "CC#N", "OCC=O", "CNC", "C=CC", "CO")
"""SMILES that can be relaxed."""

BAD = ("C(", "[Xx]", "C1CC")
"""What is no SMILES."""

SMALL = ("O", "C=O", "N", "CO")
"""SMILES that DFT refines within seconds."""

LEVEL = RefineOptions(level="hf/sto-3g")

FINAL = ("succeeded", "failed", "cancelled")

LEASE_SECONDS = 4.0

SETTLE_SECONDS = 600.0
"""For so long all jobs may take to end once nothing is killed any more."""


@dataclass
class Expected:
    """What must come of a job.

    Attributes:
        job: as it was submitted.
        smiles: of each molecule; None where it cannot be read.
        cancelled: whether it was asked to stop.
    """

    job: Job
    smiles: list[str | None]
    cancelled: bool = False


@dataclass
class Report:
    """What happened.

    Attributes:
        kills: how often each kind of thing was killed.
        faults: everything that is not as it must be.
        states: of the jobs at the end.
        n_results: results present.
        n_attempts: attempts that their tasks took.
        seconds: from the first job to the last end.
    """

    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    n_results: int = 0
    n_attempts: int = 0
    seconds: float = 0.0


class Program:
    """A program that is started again whenever it was killed."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command, self._log = command, log
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("a") as file:
            self.process = subprocess.Popen(
                self._command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    def restart(self) -> None:
        """Kill it, and start it again."""
        self.process.kill()
        self.process.wait()
        self.start()

    def end(self) -> None:
        """Ask it to end, and make it end."""
        self.process.terminate()
        try:
            self.process.wait(30.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def children(self, *words: str) -> list[psutil.Process]:
        """Processes that it started, and theirs, whose command holds one of some words."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if any(word in " ".join(child.cmdline()) for word in words):
                        found.append(child)
        return found


class Service:
    """A server with all that it needs, and the means to kill each part of it.

    Each of these tells whether there was something to kill.
    """

    def __init__(self, url: str, folder: Path, port: int) -> None:
        self.url, self.port, self.folder = url, port, folder
        self.programs: list[Program] = []
        relaxd = [sys.executable, "-m", "relaxd.service"]
        serve = [*relaxd, "serve", f"--port={port}", f"--database={url}"]
        serve += [f"--journals={folder / 'journals'}", f"--lease-seconds={LEASE_SECONDS}"]
        serve += ["--job-molecules=4", "--job-workers=2", "--drain-seconds=2", "--workers=1"]
        self.scheduler = None
        if not self.is_sqlite:
            address = f"127.0.0.1:{free_port()}"
            scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
            host, _, number = address.partition(":")
            scheduler += [f"--host={host}", f"--port={number}", "--no-dashboard"]
            self.scheduler = self._program("scheduler", scheduler)
            serve += [f"--scheduler=tcp://{address}"]
            for n in range(2):
                worker = [*relaxd, "worker", f"--scheduler=tcp://{address}"]
                self._program(f"worker-{n}", worker)
        self.server = self._program("server", serve)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.url.startswith("sqlite")

    def _program(self, name: str, command: list[str]) -> Program:
        program = Program(command, self.folder / f"{name}.log")
        self.programs.append(program)
        return program

    def end(self) -> None:
        """End every program."""
        for program in reversed(self.programs):
            program.end()

    def kill_server(self) -> bool:
        """Kill the server, and with SQLite the scheduler in it."""
        self.server.restart()
        return True

    def kill_scheduler(self) -> bool:
        """Kill the scheduler, if it is a process of its own."""
        if self.scheduler is None:
            return False
        self.scheduler.restart()
        return True

    def kill_worker(self) -> bool:
        """Kill a process of Dask that works, not the nanny that starts it again."""
        return self._kill("spawn_main", "forkserver")

    def kill_dft(self) -> bool:
        """Kill a process of DFT, if there is one."""
        return self._kill("relaxd.dft_bridge._worker")

    def cut_database(self) -> bool:
        """End every connection; of SQLite, which has none, keep the lock for a while."""
        if self.is_sqlite:
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30.0)
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(2.0)
            connection.rollback()
            connection.close()
            return True
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
            connection.execute(query + "pid <> pg_backend_pid() AND datname = current_database()")
        return True

    def _kill(self, *words: str) -> bool:
        found = [child for program in self.programs for child in program.children(*words)]
        if not found:
            return False
        with suppress(psutil.NoSuchProcess):
            random.choice(found).kill()  # noqa: S311 - which one does not matter
        return True


def submit(client: Client, chance: random.Random) -> Expected:
    """Submit a job of a kind and size drawn by chance."""
    tag = [f"n{chance.randrange(10**9)}"]
    if chance.random() < 0.3:
        molecules = chance.choices(SMALL, k=chance.randint(1, 2))
        job = client.submit(molecules, kind="refine", refine=LEVEL, tags=tag)
        return Expected(job, list(molecules))
    molecules = chance.choices(GOOD + BAD, weights=[5] * len(GOOD) + [2] * len(BAD), k=12)
    molecules = molecules[: chance.randint(1, 12)]
    job = client.submit(molecules, priority=chance.choice(("low", "normal", "high")), tags=tag)
    return Expected(job, [word if word in GOOD else None for word in molecules])


def checked(expected: Expected, report: Report) -> None:
    """Compare a job that has ended with what must have come of it."""
    info = expected.job.info
    report.states[info.state] += 1
    n = len(expected.smiles)

    def fault(text: str) -> None:
        report.faults.append(f"{info.id} ({info.kind}, {info.state}): {text}")

    results = list(expected.job.results())
    report.n_results += len(results)
    if [result.index for result in results] != list(range(n)):
        fault(f"results {[result.index for result in results]} of {n} molecules")
    counted = Counter(status(result) for result in results)
    if (info.counts.ok, info.counts.error, info.counts.cancelled) != (
        counted["ok"],
        counted["error"],
        counted["cancelled"],
    ):
        fault(f"counts {info.counts} of results {counted}")
    for result, smiles in zip(results, expected.smiles, strict=False):
        got = status(result)
        right = ("ok" if smiles else "error",) + ("cancelled",) * expected.cancelled
        if got not in right or (got == "ok" and result.smiles != smiles):
            reason = result.error and result.error.type
            fault(f"molecule {result.index}: {got} {result.smiles!r} for {smiles!r} ({reason})")
    state = "cancelled" if counted["cancelled"] else "succeeded" if counted["ok"] else "failed"
    if info.state != state:
        fault(f"should be {state}")
    check_events(expected.job, fault)


def status(result: Any) -> str:
    """Return how a molecule ended."""
    if result.error is not None and result.error.type.endswith(":cancelled"):
        return "cancelled"
    return str(result.status)


def check_events(job: Job, fault: Any) -> None:
    """Events are numbered without gaps, and the last one, and no other, ends the job."""
    events = list(job.events())
    if [event.id for event in events] != list(range(1, len(events) + 1)):
        fault(f"events {[event.id for event in events]}")
    ends = [e.id for e in events if e.event == "state" and e.data["state"] in FINAL]
    if ends != [len(events)]:
        fault(f"ends at events {ends} of {len(events)}")


def killing(service: Service, report: Report, n: int, seconds: float, seed: int) -> None:
    """Kill something drawn by chance, over and over."""
    chance = random.Random(seed)  # noqa: S311
    kinds = {
        "worker": (5, service.kill_worker),
        "dft": (3, service.kill_dft),
        "database": (4, service.cut_database),
        "scheduler": (2, service.kill_scheduler),
        "server": (2, service.kill_server),
    }
    while sum(report.kills.values()) < n:
        time.sleep(chance.expovariate(1.0 / seconds))
        weights = [weight for weight, _ in kinds.values()]
        name = chance.choices(list(kinds), weights)[0]
        if kinds[name][1]():
            report.kills[name] += 1


def run(
    url: str, folder: Path, *, n_jobs: int, n_kills: int, seed: int, seconds: float = 4.0
) -> Report:
    """Have jobs done while things are killed.

    Args:
        url: of an empty database.
        folder: for journals and logs.
        n_jobs: how many jobs.
        n_kills: how many kills.
        seed: of all that is drawn.
        seconds: mean time between two kills.
    """
    report = Report()
    chance = random.Random(seed)  # noqa: S311
    port = free_port()
    patient = RetryPolicy(attempts=1000, initial_wait=0.1, max_wait=2.0)
    with ExitStack() as stack:
        service = Service(url, folder, port)
        stack.callback(service.end)
        client = stack.enter_context(Client(f"http://127.0.0.1:{port}", retry=patient))
        while not client.ready():
            time.sleep(0.2)
        start = time.monotonic()
        killer = threading.Thread(target=killing, args=(service, report, n_kills, seconds, seed))
        killer.start()
        jobs: list[Expected] = []
        while len(jobs) < n_jobs or killer.is_alive():
            if len(jobs) < n_jobs:
                jobs.append(submit(client, chance))
            if jobs and chance.random() < 0.1:
                victim = chance.choice(jobs)
                victim.job.cancel()
                victim.cancelled = True
            time.sleep(chance.expovariate(n_jobs / (n_kills * seconds)))
        killer.join()
        deadline = time.monotonic() + SETTLE_SECONDS
        for expected in jobs:
            expected.job.wait(max(1.0, deadline - time.monotonic()))
        report.seconds = time.monotonic() - start
        for expected in jobs:
            checked(expected, report)
    return report


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'relaxd.db'}"
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgresql import postgresql_server

    with postgresql_server() as url:
        yield url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relaxd-chaos-") as name:
        folder = Path(name)
        with database(arguments.database, folder) as url:
            report = run(
                url,
                folder,
                n_jobs=arguments.jobs,
                n_kills=arguments.kills,
                seed=arguments.seed,
            )
    row = {
        "jobs": arguments.jobs,
        "kills": dict(report.kills),
        "states": dict(report.states),
        "results": report.n_results,
        "seconds": round(report.seconds, 1),
        "faults": report.faults,
    }
    print(json.dumps(row, indent=2))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {arguments.database: row}, indent=2) + "\n")
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
