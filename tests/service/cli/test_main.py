"""The console script: exit statuses, and installations that lack something."""

import subprocess
import sys

import pytest

SERVER_EXTRA = [
    *("ase", "e3nn", "fastapi", "numpy", "prometheus_client", "pydantic_settings", "rdkit", "rich"),
    *("safetensors", "tblite", "torch", "tqdm", "typer", "uvicorn"),
]


def relaxd(*arguments: str, without: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the console script in an installation that lacks some packages."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({without!r}))\n"
        f"sys.argv = ['relaxd', *{arguments!r}]\n"
        "from relaxd.service.__main__ import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_exit_status_of_a_process() -> None:
    command = [sys.executable, "-m", "relaxd.service"]
    assert subprocess.run([*command, "--help"], check=False, capture_output=True).returncode == 0
    assert subprocess.run([*command, "dance"], check=False, capture_output=True).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "without"), [(["--help"], SERVER_EXTRA), (["relax", "C"], ["torch"])]
)
def test_a_light_installation_says_what_to_install(
    arguments: list[str], without: list[str]
) -> None:
    process = relaxd(*arguments, without=without)
    assert process.returncode == 2
    assert "pip install 'relaxd[server]'" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_fault_of_ours_is_not_taken_for_a_light_installation() -> None:
    process = relaxd("relax", "C", without=["relaxd.relax"])
    assert "Traceback" in process.stderr
    assert "pip install" not in process.stderr


@pytest.mark.parametrize(
    "command",
    ["relax", "refine", "serve", "worker", "train", "evaluate", "models", "jobs", "keys"],
)
def test_help_does_not_wait_for_torch(command: str) -> None:
    process = relaxd(command, "--help", without=["torch", "rdkit", "ase", "numpy"])
    assert (process.returncode, process.stderr) == (0, "")
