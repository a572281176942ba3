"""The client alone: nothing that computes, and nothing optional, is loaded or needed."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "rdkit", "ase", "tqdm", "relaxd.model", "relaxd.relax", "relaxd.service")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("module", ["relaxd.client", "relaxd.client.schemas"])
def test_import_loads_nothing_heavy(module: str) -> None:
    loaded = run(f"import sys, {module}; print(*sys.modules)").split()
    assert "relaxd.client._job" in loaded
    assert not set(HEAVY) & set(loaded)


def test_progress_without_tqdm() -> None:
    code = """
import sys
sys.modules["tqdm"] = None
import httpx
from relaxd.client import Client

JOB = '''{"id": "job1", "kind": "relax", "state": "running", "priority": "normal",
          "counts": {"total": 1}, "created_at": "2026-01-01T00:00:00Z"}'''
transport = httpx.MockTransport(lambda request: httpx.Response(200, text=JOB))
with Client(transport=transport) as client:
    try:
        client.job("job1").wait(progress=True)
    except ModuleNotFoundError as error:
        print(error)
"""
    assert run(code) == "this needs the package 'tqdm': pip install tqdm\n"
