"""Compose file, Kubernetes manifests and document: valid, and naming only what there is."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from relaxd.service import Settings

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = DOCKER / "kubernetes"
DOCUMENT = (ROOT / "docs/deployment.md").read_text()
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
OURS = {
    name: service for name, service in COMPOSE["services"].items() if "relaxd" in service["image"]
}

VARIABLES = {f"RELAXD_{name.upper()}" for name in Settings.model_fields}
DRAIN_SECONDS = 2 * Settings.model_fields["drain_seconds"].default


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.glob("*/*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text())


def pods() -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests()
        if each["kind"] == "Deployment"
    }


def env_file(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if line and line[0] != "#")
    return dict(line.split("=", 1) for line in lines)


def test_compose_is_valid() -> None:
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    subprocess.run([*check, DOCKER / "compose.yaml"], check=True)


def test_profiles() -> None:
    running = {
        profile: {n for n, s in COMPOSE["services"].items() if profile in s["profiles"]}
        for profile in ("default", "postgres", "gpu", "monitoring")
    }
    assert running == {
        "default": {"server"},
        "postgres": {"server-1", "server-2", "worker", "scheduler", "postgres"},
        "gpu": {"server-gpu", "worker-gpu", "worker-gpu-dft", "scheduler", "postgres"},
        "monitoring": {"prometheus", "grafana"},
    }


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_services_are_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] not in ("root", "0", "0:0")
    assert all(port.startswith("${PUBLISH") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", OURS)
def test_every_profile_builds_its_images(name: str) -> None:
    targets = re.findall(r"^FROM \S+ AS (\S+)", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    build = OURS[name]["build"]
    assert build["target"] in targets
    assert (DOCKER / build["context"] / build["dockerfile"]).exists()


def test_servers_have_time_to_drain() -> None:
    for name, service in OURS.items():
        if service.get("command") == ["serve"]:
            assert int(service["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS, name
    assert pods()["relaxd"]["terminationGracePeriodSeconds"] > DRAIN_SECONDS


def test_secrets_are_made(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    script = shutil.copy(DOCKER / "secrets.sh", tmp_path)
    for _ in range(2):  # the second time changes nothing
        subprocess.run([script], check=True, capture_output=True)
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert wanted - made.keys() == {"prometheus-token"}  # an API key
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert made["ca-key.pem"].stat().st_mode & 0o777 == 0o400
    ca = ("-CAfile", made["ca.pem"], made["cert.pem"])
    subprocess.run(["openssl", "verify", *ca], check=True, capture_output=True)


def test_kubernetes_is_valid() -> None:
    found = list(manifests())
    assert {each["metadata"]["name"] for each in found} == {
        "relaxd",
        "relaxd-scheduler",
        "relaxd-worker",
        "relaxd-worker-gpu",
    }
    for each in found:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("name", pods())
def test_pods_are_confined(name: str) -> None:
    pod = pods()[name]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert not pod["automountServiceAccountToken"]
    assert not pod["enableServiceLinks"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert container["resources"]["limits"]["memory"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_services_of_kubernetes_reach_their_pods() -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in manifests()
        if each["kind"] == "Deployment"
    }
    for each in manifests():
        if each["kind"] == "Service":
            name = each["metadata"]["name"]
            assert each["spec"]["selector"] == labels[name]
            ports = {port["name"] for port in pods()[name]["containers"][0]["ports"]}
            assert {port["targetPort"] for port in each["spec"]["ports"]} == ports


def test_gpu_workers_get_a_gpu() -> None:
    pod = pods()["relaxd-worker-gpu"]
    assert pod["nodeSelector"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    for name in ("server-gpu", "worker-gpu", "worker-gpu-dft"):
        (device,) = COMPOSE["services"][name]["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]


@pytest.mark.parametrize("overlay", ["base", "gpu"])
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds(overlay: str) -> None:
    command = ["kubectl", "kustomize", KUBERNETES / overlay]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    built = list(yaml.safe_load_all(done.stdout))
    (settings,) = [each["metadata"]["name"] for each in built if each["kind"] == "ConfigMap"]
    assert done.stdout.count(f"name: {settings}") == 1 + (3 if overlay == "gpu" else 2)


def test_settings_exist() -> None:
    named = env_file(DOCKER / ".env") | env_file(KUBERNETES / "base/settings.env")
    for service in OURS.values():
        named |= service.get("environment", {})
    named |= dict.fromkeys(re.findall(r"`(RELAXD_\w+)", DOCUMENT))
    images = {"RELAXD_IMAGE", "RELAXD_WORKER_IMAGE", "RELAXD_GPU_IMAGE"}
    assert {name for name in named if name.startswith("RELAXD_")} - images <= VARIABLES


def test_what_compose_asks_for_is_in_its_settings() -> None:
    asked = set(re.findall(r"\$\{(\w+):-([^}]*)\}", (DOCKER / "compose.yaml").read_text()))
    settings = env_file(DOCKER / ".env")
    for name, default in asked:
        assert settings.get(name, default) == default
    assert settings["COMPOSE_PROFILES"] == "default"


def test_every_dask_scheduler_is_set_alike() -> None:
    (container,) = pods()["relaxd-scheduler"]["containers"]
    ours = COMPOSE["services"]["scheduler"]
    assert container["command"] == ours["entrypoint"]
    assert container["args"] == ours["command"]
    assert {each["name"]: each["value"] for each in container["env"]} == ours["environment"]


def test_the_document_names_files_that_there_are() -> None:
    named = re.findall(r"\bdocker/[\w./-]+\w", DOCUMENT)
    made = {"docker/secrets/prometheus-token"}
    assert [name for name in named if not (ROOT / name).exists() and name not in made] == []
    for target in re.findall(r"\]\(([^):#]+)", DOCUMENT):
        assert (ROOT / "docs" / target).exists(), target


def test_grafana_finds_data_and_dashboard() -> None:
    folder = DOCKER / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/relaxd.yaml").read_text())["providers"]
    mounts = dict(v.split(":")[:2] for v in COMPOSE["services"]["grafana"]["volumes"])
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
