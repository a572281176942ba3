"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from relaxd.service.testing import running_service

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

pytestmark = pytest.mark.slow


def examples(marker: str) -> list[str]:
    blocks = re.findall(rf"<!-- {marker} -->\n```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    return blocks


def run(code: str, folder: Path = ROOT) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return done.stdout


@pytest.mark.parametrize("code", examples("run"))
def test_examples_in_process(code):
    assert "method='diffusion'" in run(code)


@pytest.mark.parametrize("code", examples("run: dft"))
def test_examples_with_dft(code, tmp_path):
    *steps, result = (line.split() for line in run(code, tmp_path).splitlines())
    converged, energy, n_gradients, is_minimum = result
    assert (converged, is_minimum) == ("True", "True")
    # QM9 has -76.4260 (its U0 less the zero-point energy), with Cartesian d functions.
    assert float(energy) == pytest.approx(-76.4212, abs=1e-3)
    assert int(n_gradients) == len(steps)
    assert (tmp_path / "water.jsonl").exists()


@pytest.mark.parametrize("code", examples("run: server"))
def test_examples_with_a_server(code, tmp_path):
    with running_service(log=tmp_path / "service.log") as url:
        printed = run(code.replace("http://127.0.0.1:8000", url))
    assert printed.splitlines() == [
        "CC(=O)OCC(N)C=O diffusion True",
        "c1ccncc1O diffusion True",
    ]


@pytest.mark.parametrize("code", examples("run: jobs"))
def test_examples_with_jobs(code, tmp_path):
    flags = [f"--database=sqlite:///{tmp_path}/relaxd.db", f"--journals={tmp_path}/journals"]
    flags += ["--workers=1", "--job-workers=1"]
    with running_service(*flags, log=tmp_path / "service.log") as url:
        printed = run(code.replace("http://127.0.0.1:8000", url), tmp_path)
    *lines, converged = printed.splitlines()
    assert lines[:2] == ["CCO ok", "c1ccncc1O ok"]
    assert [line.split()[0] for line in lines[2:]] == [str(n) for n in range(1, len(lines) - 1)]
    assert converged == "True"
    assert (tmp_path / "relaxed.sdf").read_text().count("$$$$") == 2


@pytest.mark.parametrize("code", examples("run: sample"))
def test_examples_of_sampling(code):
    *_, last = run(code).splitlines()
    # The carbon that is not bonded to the oxygen; in the minimum, it is 2.37.
    assert 2.2 < float(last) < 2.6


@pytest.mark.parametrize("code", examples("run: sampling job"))
def test_examples_of_sampling_by_a_server(code, tmp_path):
    with running_service("--workers=1", "--job-workers=1", log=tmp_path / "service.log") as url:
        printed = run(code.replace("http://127.0.0.1:8000", url), tmp_path)
    (first, *_, n_first), (second, *_, n_second) = map(str.split, printed.splitlines())
    assert (first, n_first, second, n_second) == ("CCO", "200", "OCCO", "200")
    assert (tmp_path / "samples.sdf").read_text().count("$$$$") == 400


@pytest.mark.parametrize("target", re.findall(r"`?make (\w+)", README))
def test_every_make_target_named_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
