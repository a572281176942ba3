"""The images and `compose.yaml`, for real: built, run, stopped, killed, and found again."""

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.docker.compose import Compose, until
from tests.docker.database import postgres_image
from tests.docker.images import (
    ROOT,
    missing,
    run,
    server_image,
    worker_image,
)
from tests.docker.monitoring import Prometheus, prometheus_image

from relaxd.client import Client, Job

pytestmark = [
    pytest.mark.container,
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

SMILES = ["CC(=O)OCC(N)C=O", "c1ccncc1O", "CCO", "CC(=O)Oc1ccccc1C(=O)O"]
SECONDS = 180.0
"""For a job to end, however busy the machine is."""

PINS = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def image() -> str:
    return server_image()


@pytest.fixture
def single(tmp_path: Path, image: str) -> Iterator[Compose]:
    compose = Compose(
        tmp_path / "docker", "default", {"RELAXD_IMAGE": image, "RELAXD_WORKERS": "1"}
    )
    try:
        yield compose
    finally:
        compose.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Compose]:
    with_dft = worker_image()
    images = {
        "RELAXD_IMAGE": with_dft,
        "RELAXD_WORKER_IMAGE": with_dft,
        "POSTGRES_IMAGE": postgres_image(),
    }
    settings = {"RELAXD_WORKERS": "1", "RELAXD_LEASE_SECONDS": "15"}
    compose = Compose(tmp_path / "docker", "postgres", {**images, **settings})
    compose.secrets()
    try:
        yield compose
    finally:
        compose.close()


@pytest.fixture
def monitored(tmp_path: Path) -> Iterator[Compose]:
    images = {"RELAXD_IMAGE": worker_image(), "PROMETHEUS_IMAGE": prometheus_image()}
    settings = {"RELAXD_WORKERS": "1", "RELAXD_JOB_WORKERS": "1"}
    compose = Compose(tmp_path / "docker", "default,monitoring", {**images, **settings})
    compose.secrets()
    compose.scrape_every("1s")
    try:
        yield compose
    finally:
        compose.close()


def outcome(job: Job) -> tuple[str, int, int]:
    info = job.wait(SECONDS)
    return info.state, info.counts.ok, info.counts.total


def test_size(image: str) -> None:
    assert int(run("podman", "image", "inspect", "--format={{.Size}}", image)) < 1.2e9


def test_works_without_a_network(image: str, tmp_path: Path) -> None:
    alone = ("podman", "run", "--rm", "--network=none", "--read-only", "--cap-drop=all")
    printed = run(*alone, "--tmpfs=/tmp", image, "relax", "CCO", "--output=-")
    assert "V2000" in printed


def test_contents(image: str) -> None:
    shell = ("podman", "run", "--rm", "--network=none", "--entrypoint=sh", image, "-c")
    listed = json.loads(run(*shell, "cat /usr/share/relaxd/sbom.json"))["components"]
    found = {each["name"].lower().replace("_", "-"): each["version"] for each in listed}
    pinned = dict(PINS.findall((ROOT / "docker/image/constraints.txt").read_text()))
    assert found.pop("torch") == "2.13.0+cpu"
    assert found.pop("relaxd")
    assert {name: pinned.get(name) for name in found} == found
    assert {"pyscf", "pip", "setuptools", "matplotlib"} & found.keys() == set()
    site = "/opt/relaxd/lib/python3*/site-packages"
    assert run(*shell, f"ls {site}/relaxd/service/page/vendor").split()
    assert run(*shell, f"find {site} -type d -name tests") == ""


def test_is_confined(single: Compose) -> None:
    single.key("server")
    single.up()
    single.wait(single.urls[0])
    status = dict(
        line.split(":\t", 1)
        for line in single.podman("exec", "server", "cat", "/proc/1/status").splitlines()
    )
    assert set(status["Uid"].split()) == {"10001"}
    assert {status[f"Cap{of}"] for of in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert single.inspect("server")["HostConfig"]["ReadonlyRootfs"]
    single.podman("healthcheck", "server", options=("run",))
    assert httpx.get(single.urls[0]).is_success  # the page
    assert httpx.get(f"{single.urls[0]}/v1/models").status_code == 401


def test_nothing_is_lost(single: Compose) -> None:
    token = single.key("server")
    single.up()
    single.wait(single.urls[0])
    with Client(single.urls[0], api_key=token) as client:
        assert {result.verdict.method for result in client.relax(SMILES)} == {"diffusion"}

        # Stopped under load: what was accepted is answered, and it does not take the whole grace.
        job = client.submit(SMILES * 30)
        with ThreadPoolExecutor() as threads:
            answers = threads.submit(client.relax, SMILES * 25)
            time.sleep(0.5)
            began = time.monotonic()
            single("stop")
            assert time.monotonic() - began < 60
            assert {result.status for result in answers.result()} == {"ok"}
        assert single.inspect("server")["State"]["ExitCode"] == 128 + signal.SIGTERM
        single("start")
        single.wait(single.urls[0])
        assert outcome(job) == ("succeeded", 120, 120)

        # Killed at work.
        job = client.submit(SMILES * 30)
        single.podman("kill", "server")
        single("start")
        single.wait(single.urls[0])
        assert outcome(job) == ("succeeded", 120, 120)

        # Taken down, and up again.
        single("down")
        single.up()
        single.wait(single.urls[0])
        assert outcome(client.job(job.id)) == ("succeeded", 120, 120)

        # Deleted, and restored.
        single.documented("backup of SQLite")
        job.delete()
        single.documented("restoring SQLite")
        single.wait(single.urls[0])
        assert outcome(client.job(job.id)) == ("succeeded", 120, 120)


def test_cluster(cluster: Compose) -> None:
    cluster.up()
    cluster.until_postgresql_answers()
    # The servers are started again and again until there is a key.
    token = cluster("exec", "-T", "worker", "relaxd", "keys", "create", "alice").split()[-1]
    for url in cluster.urls:
        cluster.wait(url)
    first, second = (Client(url, api_key=token) for url in cluster.urls)
    with first, second:
        job = first.submit(SMILES)
        assert outcome(second.job(job.id)) == ("succeeded", 4, 4)
        assert outcome(second.refine(["O"], level="hf/sto-3g")) == ("succeeded", 1, 1)

        job = first.refine(["CCO"], level="hf/sto-3g")
        next(event for event in job.events() if event.event == "step")
        cluster.podman("stop", "server-1", options=("--time", "60"))
        cluster.podman("kill", "worker")
        assert outcome(second.job(job.id)) == ("succeeded", 1, 1)

        cluster("down", "--timeout", "60")
        cluster.up()
        cluster.wait(cluster.urls[1])
        assert outcome(second.job(job.id)) == ("succeeded", 1, 1)

        cluster.documented("backup of PostgreSQL")
        second.job(job.id).delete()
        cluster.documented("restoring PostgreSQL")
        cluster.wait(cluster.urls[1])
        assert outcome(second.job(job.id)) == ("succeeded", 1, 1)
    password = (cluster.secrets() / "postgres-password").read_text().strip()
    for service in ("server-1", "worker", "scheduler", "postgres"):
        assert password not in json.dumps(cluster.inspect(service))


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_is_monitored(monitored: Compose) -> None:
    token = monitored.key("server")
    monitored.documented("key of Prometheus")
    monitored.up("server", "prometheus")  # without Grafana
    monitored.wait(monitored.urls[0])
    prometheus = Prometheus(monitored.prometheus)
    too_many = httpx.post(
        f"{monitored.urls[0]}/v1/relax",
        headers={"Authorization": f"Bearer {token}"},
        json={"molecules": ["C"] * 257},
    )
    assert too_many.status_code == 413
    with Client(monitored.urls[0], api_key=token) as client:
        client.relax(SMILES)
        jobs = [client.refine(["CCO"], level="hf/sto-3g") for _ in range(3)]
        assert {outcome(job) for job in jobs} == {("succeeded", 1, 1)}

    # Of the server alone, by its address in the network of the containers.
    (instance,) = until(prometheus.instances)
    assert re.fullmatch(r"[\d.]+:8000", instance)
    until(lambda: prometheus.empty() == [])
    until(lambda: set(prometheus.alerts().values()) == {"inactive"})
    monitored.podman("kill", "server")
    until(lambda: prometheus.alerts()["RelaxdGone"] == "pending")
