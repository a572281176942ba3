"""The dashboard, the alerts and the documents show metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.service.conftest import Serve
from tests.service.jobs.calls import submit

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/relaxd.json").read_text())
ALERTS = yaml.safe_load((DOCKER / "alerts.yml").read_text())
OPERATIONS = (ROOT / "docs/operations.md").read_text()

OF_TARGETS = {"instance", "job"}
"""Labels that Prometheus adds to each series of a target."""

SERIES = re.compile(r"\b((?:relaxd|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in DASHBOARD["templating"]["list"]:
        yield from re.findall(r"label_values\((\w+),", variable.get("definition", ""))
    for group in ALERTS["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


async def scraped(client: httpx.AsyncClient) -> dict[str, set[str]]:
    """Names of the series in `/metrics`, and the labels of each."""
    text = (await client.get("/metrics")).text
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
async def offered(serving: Serve) -> dict[str, set[str]]:
    """What there is while one task runs, another waits, and something was refused."""
    async with serving(job_molecules=1) as client:
        await client.post("/v1/relax", json={"molecules": ["CC"]})
        await client.get("/v1/jobs/nope")
        job_id = await submit(client, ["hang"] * 4)
        while "relaxd_task_wait_seconds" not in (found := await scraped(client)):
            pass
        await client.delete(f"/v1/jobs/{job_id}")
    return found


async def test_every_metric_exists(offered: dict[str, set[str]]) -> None:
    shown = list(expressions())
    assert len(shown) > 30
    for expression in shown:
        names = SERIES.findall(expression)
        assert names, expression
        labels: set[str] = set()
        for name, selector in names:
            if name == "up":
                continue
            assert name in offered, expression
            known = offered[name] | OF_TARGETS
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)) <= known, expression
            labels |= known
        for group in GROUPING.findall(expression):
            assert {label.strip() for label in group.split(",")} <= labels, expression
    for name in set(re.findall(r"\brelaxd_[a-z_]+", OPERATIONS)):
        assert {name, f"{name}_count"} & offered.keys(), name


async def test_every_metric_of_jobs_is_shown(offered: dict[str, set[str]]) -> None:
    shown = {name for e in expressions() for name, _ in SERIES.findall(e)}
    unseen = {name for name in offered if name.startswith("relaxd_")} - shown
    # Times at which counters began, other parts of histograms, and figures of one batch.
    assert {name for name in unseen if not re.search(r"_(created|bucket|sum|count)$", name)} == {
        "relaxd_batch_pairs",
        "relaxd_forward_passes_total",
    }


def test_dashboard() -> None:
    assert DASHBOARD["schemaVersion"] >= 36  # since then data sources are named by uid
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("relaxd", "relaxd")
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
        "datasource",
        "prometheus",
    )
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in ("row", "stat", "timeseries")
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not covered & cells
        cells |= covered
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["fieldConfig"]["defaults"]["unit"]
            references = [target["refId"] for target in panel["targets"]]
            assert len(set(references)) == len(references) > 0


def test_alerts() -> None:
    for group in ALERTS["groups"]:
        assert group.keys() == {"name", "rules"}
        for rule in group["rules"]:
            assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
            assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
            assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert rule["annotations"]["summary"]
            assert f"`{rule['alert']}`" in OPERATIONS


def test_scrape_configuration() -> None:
    config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    assert all((DOCKER / name).exists() for name in config["rule_files"])
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "relaxd"  # as the alerts have it
    assert (job["metrics_path"], job["authorization"]["type"]) == ("/metrics", "Bearer")
    assert "credentials" not in job["authorization"]  # in a file of its own


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_agrees() -> None:
    subprocess.run(["promtool", "check", "rules", DOCKER / "alerts.yml"], check=True)
    config = ("config", "--syntax-only", DOCKER / "prometheus.yml")  # the token is not there
    subprocess.run(["promtool", "check", *config], check=True)
