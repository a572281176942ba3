"""Nothing lost, nothing twice: a small run of `benchmarks/chaos.py` on each database."""

from pathlib import Path

import pytest
from benchmarks.chaos import database, run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_every_job_ends_once_and_right(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as url:
        report = run(url, tmp_path, n_jobs=12, n_kills=5, seed=7, seconds=4.0)
    assert report.faults == []
    assert sum(report.states.values()) == 12
    assert sum(report.kills.values()) == 5
