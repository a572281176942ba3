"""Writes the result of a benchmark with what it was measured on."""

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, figures: dict[str, Any], packages: tuple[str, ...]) -> Path:
    """Writes `results/<name>.json`.

    Args:
        name: of the benchmark.
        figures: what was measured.
        packages: distributions whose versions matter.
    """
    versions = {package: importlib.metadata.version(package) for package in packages}
    report = {
        **figures,
        "processor": processor(),
        "python": platform.python_version(),
        "versions": versions,
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


def processor() -> str:
    """Name, family and model of the processor, as Linux tells them, or what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    # Of the first core: the others' lines repeat its own.
    told = {key.strip(): value.strip() for key, _, value in (s.partition(":") for s in lines[::-1])}
    if "model name" not in told:
        return platform.processor() or platform.machine()
    return f"{told['model name']}, family {told.get('cpu family')}, model {told.get('model')}"
