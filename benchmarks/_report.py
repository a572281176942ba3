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
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": versions,
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path
