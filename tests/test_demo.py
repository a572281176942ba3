"""The demo as a user runs it: the real service, the shipped model, the molecules of `examples/`."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from rdkit import Chem

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / "demo.py", "--out", "out", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def port_of(output: str) -> int:
    return int(re.search(r"127\.0\.0\.1:(\d+)", output)[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_example_is_relaxed(tmp_path: Path) -> None:
    process = demo(tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert not is_listening(port_of(process.stdout))
    written = {path.stem for path in (tmp_path / "out").iterdir()} - {"service"}
    assert len(written) >= 12
    assert {"aspirin", "caffeine", "ibuprofen", "glucose", "alanine_dipeptide"} <= written
    assert all(name in process.stdout for name in written)
    aspirin = Chem.MolFromMolFile(str(tmp_path / "out" / "aspirin.sdf"), removeHs=False)
    assert (aspirin.GetNumAtoms(), aspirin.GetConformer().Is3D()) == (21, True)


def test_a_service_that_does_not_start_is_stopped_and_explained(tmp_path: Path) -> None:
    process = demo(tmp_path, "--model", "missing")
    assert process.returncode == 1
    assert "no model named 'missing'" in process.stderr
    assert not is_listening(port_of(process.stderr))


def test_interrupted_it_stops_the_service(tmp_path: Path) -> None:
    command = [sys.executable, "-u", ROOT / "examples" / "demo.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=PIPE, stderr=PIPE, text=True) as process:
        port = port_of(process.stdout.readline())
        assert is_listening(port)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not is_listening(port)
