"""The wheel and the sdist hold what they must, and work where nothing else of ours is."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("client", "model", "relax", "dft_bridge", "service")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """A wheel that was built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def sources() -> set[str]:
    """Every file of the packages, as it is named inside the wheel."""
    return {
        str(path.relative_to(ROOT / part))
        for part in PARTS
        for path in (ROOT / part / "relaxd").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_package_the_weights_and_nothing_else(built):
    names = set(zipfile.ZipFile(built["wheel"]).namelist())
    packaged = {name for name in names if not name.startswith("relaxd-")}
    assert packaged == sources()
    for size in ("small", "large"):
        assert f"relaxd/model/weights/relaxd-{size}.safetensors" in packaged
    assert {f"relaxd/{part}/py.typed" for part in PARTS} <= packaged
    assert "relaxd/__init__.py" not in packaged
    metadata = {name.split("/", 1)[1] for name in names - packaged}
    assert metadata == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_holds_what_a_build_and_a_reader_need(built):
    with tarfile.open(built["sdist"]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    needed = {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt"}
    assert needed <= names
    assert not {name for name in names if name.startswith(("runs", "out", ".venv"))}


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    """A folder with the contents of the wheel and nothing else of ours."""
    target = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(built["wheel"]).extractall(target)  # noqa: S202 - built here
    return target


def run_in(installed: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=installed
    )
    return done.stdout.strip()


@pytest.mark.parametrize("part", PARTS)
def test_every_package_is_imported_from_the_wheel(installed, part):
    found = run_in(installed, f"import relaxd.{part} as p; print(p.__file__)")
    assert found == str(installed / "relaxd" / part / "__init__.py")


def test_the_wheel_relaxes_a_molecule(installed):
    code = (
        "from relaxd.relax import Relaxer; r = Relaxer.load().relax('CCO');"
        "print(r.verdict.method, r.converged)"
    )
    assert run_in(installed, code) == "diffusion True"


def test_the_client_needs_nothing_but_the_base_install(installed):
    heavy = ("torch", "rdkit", "ase", "numpy", "fastapi", "pyscf")
    code = f"import sys, relaxd.client; print([m for m in {heavy} if m in sys.modules])"
    assert run_in(installed, code) == "[]"
