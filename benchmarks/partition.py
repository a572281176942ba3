"""A worker host that is cut off in mid-work: its tasks are done elsewhere, and nothing twice.

Three hosts are made of network namespaces: this one with the server, the scheduler and PostgreSQL,
and two with a worker each. While jobs run, the link of one goes down for longer than a lease, and
comes up again. Needs root, `ip` and PostgreSQL.

    sudo python benchmarks/partition.py

Results go to `results/partition.json`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from chaos import LEVEL, Expected, Program, Report, checked
from distributed.security import Security

from relaxd.client import Client, RetryPolicy
from relaxd.service.testing import free_port

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgresql import postgresql_server

RESULTS = Path(__file__).parent / "results" / "partition.json"

BRIDGE = "relaxd0"
HOME = "10.77.0.1"
AWAY = {"relaxd-a": "10.77.0.11", "relaxd-b": "10.77.0.12"}
"""Names of the namespaces of the worker hosts, and their addresses."""

LEASE_SECONDS = 5.0
CUT_SECONDS = 20.0

SMILES = ["CCO", "NC=O", "CC(C)=O", "c1ccoc1", "CC#N", "OCC=O", "CNC", "CCCCO"]
SLOW = ["c1ccccc1O"]
"""DFT takes seconds for a step of it."""


def ip(*words: str) -> None:
    """Run a command of iproute2."""
    subprocess.run(["ip", *words], check=True)


@contextmanager
def hosts() -> Iterator[None]:
    """Worker hosts, each linked to a bridge at home."""
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{HOME}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for name, address in AWAY.items():
            ip("netns", "add", name)
            ip("link", "add", f"{name}-l", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{name}-l", "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in AWAY:
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False)


def certificates(folder: Path) -> list[str]:
    """Write certificates for all, and return the options that name them."""
    made = Security.temporary()
    names = {"ca-file": "tls_ca_file", "cert": "tls_client_cert", "key": "tls_client_key"}
    options = []
    for option, attribute in names.items():
        path = folder / f"{option}.pem"
        path.write_text(getattr(made, attribute))
        options.append(f"--tls-{option}={path}")
    return options


def attempts(url: str) -> tuple[Counter[str], int]:
    """Return how many tasks each host did, and how many were taken from a lost one."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT worker, losses FROM tasks").fetchall()
    hosts = {address: name for name, address in AWAY.items()}
    done = Counter(
        next((hosts[a] for a in hosts if worker and a in worker), "none") for worker, _ in rows
    )
    return done, sum(losses for _, losses in rows)


def is_refining(url: str, address: str) -> bool:
    """Tell whether a host is at work on a molecule that takes long."""
    query = """
        SELECT 1 FROM tasks JOIN jobs ON jobs.id = tasks.job_id
        WHERE jobs.kind = 'refine' AND tasks.state = 'running' AND worker LIKE %s
    """
    with psycopg.connect(url) as connection:
        return connection.execute(query, [f"%{address}:%"]).fetchone() is not None


def main() -> None:
    report = Report()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relaxd-hosts-")))
        stack.enter_context(hosts())
        url = stack.enter_context(postgresql_server(HOME))
        port, tls = free_port(), certificates(folder)
        address = f"tls://{HOME}:{port}"

        def start(name: str, *command: str) -> None:
            program = Program(list(command), folder / f"{name}.log")
            stack.callback(program.end)

        python = sys.executable
        dask = [python, "-m", "distributed.cli.dask_scheduler", "--protocol=tls"]
        start("scheduler", *dask, f"--host={HOME}", f"--port={port}", "--no-dashboard", *tls)
        relaxd = [python, "-m", "relaxd.service"]
        for name in AWAY:
            inside = ["ip", "netns", "exec", name]
            start(name, *inside, *relaxd, "worker", f"--scheduler={address}", *tls)
        web = free_port()
        serve = [*relaxd, "serve", f"--port={web}", f"--database={url}", f"--scheduler={address}"]
        serve += [f"--journals={folder / 'journals'}", f"--lease-seconds={LEASE_SECONDS}", *tls]
        start("server", *serve, "--job-molecules=4", "--drain-seconds=2", "--workers=1")
        patient = RetryPolicy(attempts=1000, initial_wait=0.1, max_wait=2.0)
        client = stack.enter_context(Client(f"http://127.0.0.1:{web}", retry=patient))
        while not client.ready():
            time.sleep(0.2)
        jobs = [Expected(client.submit(SMILES * 8), list(SMILES * 8)) for _ in range(8)]
        for _ in range(8):
            job = client.submit(SLOW, kind="refine", refine=LEVEL)
            jobs.append(Expected(job, list(SLOW)))
        while not is_refining(url, AWAY["relaxd-a"]):
            time.sleep(0.2)
        start_time = time.monotonic()
        ip("link", "set", "relaxd-a-l", "down")
        time.sleep(CUT_SECONDS)
        before = attempts(url)
        ip("link", "set", "relaxd-a-l", "up")
        for expected in jobs:
            expected.job.wait(600.0)
        for expected in jobs:
            checked(expected, report)
        report.seconds = time.monotonic() - start_time
        after = attempts(url)
    row = {
        "cut_seconds": CUT_SECONDS,
        "lease_seconds": LEASE_SECONDS,
        "tasks_done_by_host": dict(after[0]),
        "tasks_done_by_host_when_the_link_came_up": dict(before[0]),
        "tasks_taken_from_a_lost_worker": after[1],
        "states": dict(report.states),
        "results": report.n_results,
        "seconds": round(report.seconds, 1),
        "faults": report.faults,
    }
    print(json.dumps(row, indent=2))
    RESULTS.write_text(json.dumps(row, indent=2) + "\n")
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
