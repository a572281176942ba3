"""This machine's Prometheus as an image, and what it says of the dashboard and of the alerts."""

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.docker.images import ROOT, build, exists, python_image, tagged

RECIPE = Path(__file__).parent / "prometheus.Dockerfile"
DASHBOARD = json.loads((ROOT / "docker/grafana/dashboards/relaxd.json").read_text())
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}
"""What Grafana puts in their place: all servers, and four times the interval of scraping."""

STEP = 1.0
"""Between points of a panel, s."""


def prometheus_image() -> str:
    """Return an image of this machine's Prometheus that starts as the official one does."""
    program = shutil.which("prometheus")
    assert program is not None
    digest = hashlib.sha256(Path(program).read_bytes()).hexdigest()
    image = tagged("relaxd-test-prometheus", [python_image(), digest, RECIPE.read_text()])
    if not exists(image):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(program, folder)
            shutil.copy(RECIPE, Path(folder) / "Dockerfile")
            build(image, Path(folder), f"--build-arg=BASE={python_image()}")
    return image


def shown() -> Iterator[tuple[str, str]]:
    """Yield title and query of everything that the dashboard draws, as Grafana sends it."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            yield panel["title"], query


class Prometheus:
    """Prometheus' HTTP API.

    Args:
        url: where it listens.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._began = time.time()

    def empty(self) -> list[tuple[str, str]]:
        """Return what the dashboard would draw without a single point, since this began."""
        return [(title, query) for title, query in shown() if not self._drawn(query)]

    def instances(self) -> list[str]:
        """Return what the dashboard lets one choose from."""
        variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
        query = variables["instance"]["query"]["query"]
        (of, label) = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()  # type: ignore[union-attr]
        found: list[str] = self._ask(f"label/{label}/values", {"match[]": of})
        return found

    def alerts(self) -> dict[str, str]:
        """Return the state of every alert: inactive, pending or firing.

        Raises:
            AssertionError: one could not be evaluated.
        """
        (group,) = self._ask("rules", {})["groups"]
        for rule in group["rules"]:
            assert rule["health"] in ("ok", "unknown"), rule
        return {
            rule["name"]: rule["state"] if rule["health"] == "ok" else "unknown"
            for rule in group["rules"]
        }

    def _drawn(self, query: str) -> bool:
        span = {"start": str(self._began), "end": str(time.time()), "step": str(STEP)}
        return bool(self._ask("query_range", {"query": query, **span})["result"])

    def _ask(self, what: str, parameters: dict[str, str]) -> Any:
        answer = httpx.get(f"{self._url}/api/v1/{what}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()["data"]
