"""`relaxd refine`: results, the data set, going on from journals, signals, and exit statuses."""

import importlib.util
import inspect
import io
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import psutil
import pytest
from rdkit import Chem

from relaxd.dft_bridge import DftError, Outcome, RefineResult, RefineSettings, ScfCycle, Step, Task
from relaxd.relax import Relaxer, from_smiles
from relaxd.service.cli import _refine, _refining
from relaxd.service.cli._refine_progress import Progress

from .conftest import Run, message
from .test_main import relaxd

FAST = ["--level", "pbe/sto-3g"]
GIVEN = [*FAST, "--start", "given"]

STRETCHED = "3\nid=stretched\nO 0 0 0.1\nH 0 0.8 -0.5\nH 0 -0.8 -0.5\n"
TRIHYDROGEN = "3\nid=H3+ charge=1\nH 0 0 0\nH 0.87 0 0\nH 0.435 0.75 0\n"


def frames(path: Path) -> list[Any]:
    return ase.io.read(path, index=":", format="extxyz")


def contents(folder: Path) -> dict[str, bytes]:
    """What every file holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_results_a_data_set_and_a_second_run(
    run: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["-o", "out.extxyz", "--trajectory", "points.xyz"]
    command = ["refine", "CCO", "nonsense", "[OH-]", *files, *FAST, "--model", weights]
    first = run(*command)
    ethanol, hydroxide = results = frames(tmp_path / "out.extxyz")
    assert first.exit_code == 1
    assert [atoms.info["id"] for atoms in results] == ["CCO", "[OH-]"]
    assert [atoms.info["start"] for atoms in results] == ["relaxd", "gfn2-xtb"]
    assert (hydroxide.info["smiles"], hydroxide.info["charge"]) == ("[OH-]", -1)
    assert {"relaxd_version", "pyscf_version", "level"} <= set(ethanol.info)
    assert all(atoms.info["converged"] and atoms.info["same_connectivity"] for atoms in results)
    for atoms in results:
        assert atoms.get_potential_energy() < -1900.0
        assert np.abs(atoms.get_forces()).max() < 0.05
    assert first.stderr == "relaxd: nonsense: not a SMILES (unparsable-smiles)\n"
    rows = [line.split() for line in first.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["CCO", "nonsense", "[OH-]"]
    assert rows[0][1:4] == ["C2H6O", "relaxd", "yes"]
    assert rows[0][-1] == "kept"
    assert rows[1][1:] == ["unparsable-smiles"]

    points = frames(tmp_path / "points.xyz")
    for atoms in results:
        mine = [point for point in points if point.info["id"] == atoms.info["id"]]
        assert [point.info["gradient"] for point in mine] == [
            *range(1, atoms.info["n_gradients"] + 1)
        ]
        assert all(point.get_forces().shape == (len(atoms), 3) for point in mine)
        assert min(point.get_potential_energy() for point in mine) == pytest.approx(
            atoms.get_potential_energy(), abs=0.01
        )

    journals = tmp_path / "out.extxyz.journals"
    written, before = (tmp_path / "out.extxyz").read_text(), contents(journals)
    monkeypatch.setattr(subprocess, "Popen", None)  # nothing is computed
    again = run(*command)
    assert (again.stdout, again.stderr, again.exit_code) == (first.stdout, first.stderr, 1)
    assert (tmp_path / "out.extxyz").read_text() == written
    assert contents(journals) == before
    assert len(frames(tmp_path / "points.xyz")) == len(points)


def test_sdf_with_its_properties(run: Run, tmp_path: Path) -> None:
    outcome = run("refine", "[H][H]", "-o", "out.sdf", *GIVEN, "--frequencies")
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False)
    properties = mol.GetPropsAsDict()
    assert outcome.exit_code == 0
    assert mol.GetNumBonds() == 1
    assert properties["level"] == "pbe/sto-3g"
    assert properties["energy_hartree"] == pytest.approx(-1.15215, abs=1e-4)
    assert (properties["converged"], properties["same_connectivity"]) == ("True", "True")
    assert (properties["start"], properties["hessian"]) == ("given", "gfn2-xtb")
    assert properties["n_gradients"] > 1
    assert properties["max_force"] < 0.05
    assert properties["lowest_wavenumber"] == pytest.approx(5016, abs=50)
    assert "cm⁻¹" in outcome.stdout


def test_standard_input_and_output(run: Run) -> None:
    outcome = run("refine", "-", "-o", "-", *GIVEN, "--hessian", "model", text="[H][H] hydrogen\n")
    supplier = Chem.SDMolSupplier()
    supplier.SetData(outcome.stdout, removeHs=False)
    (mol,) = supplier
    assert (mol.GetProp("_Name"), mol.GetProp("hessian")) == ("hydrogen", "model")
    assert "hydrogen" in outcome.stderr
    assert Path("relaxd-journals").is_dir()
    assert outcome.exit_code == 0


def test_a_given_geometry_is_kept_and_the_model_is_not_loaded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relaxer, "load", None)
    (tmp_path / "a.xyz").write_text(STRETCHED)
    flags = ["--max-gradients", 1, "--trajectory", "points.xyz", "--journals", "kept/here"]
    outcome = run("refine", "a.xyz", "-o", "out.xyz", *GIVEN, *flags)
    (point,), (result,) = frames(tmp_path / "points.xyz"), frames(tmp_path / "out.xyz")
    assert point.positions == pytest.approx(ase.io.read(tmp_path / "a.xyz").positions)
    assert (result.info["converged"], result.info["n_gradients"]) == (False, 1)
    assert (result.info["id"], result.info["start"]) == ("stretched", "given")
    assert outcome.stdout.splitlines()[-1].split()[:4] == ["stretched", "H2O", "given", "no"]
    assert outcome.exit_code == 1
    assert len(list((tmp_path / "kept/here").iterdir())) == 1


def test_a_smiles_with_a_backslash_comes_back(run: Run, tmp_path: Path) -> None:
    flags = ["--max-gradients", 1, "-o", "out.xyz", "--trajectory", "points.xyz"]
    run("refine", r"F/C=C\F", *GIVEN, *flags)
    for name in ("out.xyz", "points.xyz"):
        (atoms,) = frames(tmp_path / name)
        assert (atoms.info["smiles"], atoms.info["id"]) == (r"F/C=C\F", r"F/C=C\F")


def test_a_failed_molecule_fails_no_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(TRIHYDROGEN)
    sdf = run("refine", "a.xyz", "[H][H]", "-o", "a.sdf", *GIVEN)
    assert sdf.exit_code == 1
    assert "H3+: its bonds are not known, and SDF needs them" in sdf.stderr
    (mol,) = Chem.SDMolSupplier("a.sdf", removeHs=False)
    assert mol.GetProp("_Name") == "[H][H]"


def test_what_dft_refuses_is_named(run: Run, tmp_path: Path) -> None:
    outcome = run("refine", "[H][H]", "-o", "a.xyz", *GIVEN, "--memory", 1)
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("relaxd: [H][H]: it needs more than the 1 MB")
    assert outcome.stderr.endswith("(memory-limit)\n")
    assert outcome.stdout.splitlines()[-1].split() == ["[H][H]", "memory-limit"]
    assert (tmp_path / "a.xyz").read_text() == ""


def test_what_ends_it_leaves_the_best_geometry(run: Run, tmp_path: Path) -> None:
    command = ["refine", "[H][H]", "-o", "a.xyz", "--trajectory", "points.xyz", *GIVEN]
    run(*command, "--max-gradients", 1)
    outcome = run(*command, "--memory", 1)
    (journal,) = (tmp_path / "a.xyz.journals").iterdir()
    assert outcome.exit_code == 1
    kept = f"; a.xyz.journals/{journal.name} keeps the best geometry (memory-limit)\n"
    assert outcome.stderr.endswith(kept)
    assert (tmp_path / "a.xyz").read_text() == ""
    assert len(frames(tmp_path / "points.xyz")) == 1


def test_the_best_geometry_is_not_taken_for_a_result(tmp_path: Path) -> None:
    molecule = from_smiles("O", id="water")
    error = DftError("scf-not-converged", "no SCF convergence")
    error.best = RefineResult.__new__(RefineResult)
    journal = tmp_path / "a.jsonl"
    journal.write_text("")
    outcome = Outcome("water", Task.of(molecule.to_atoms()), None, error, journal)
    written: list[Any] = []
    outputs = _refining.Outputs(written.append, written.append, None)
    failure = _refining._ended((molecule, outcome), outputs)
    assert (failure.code, written) == ("scf-not-converged", [])
    assert failure.message == f"water: no SCF convergence; {journal} keeps the best geometry"


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The command in a process of its own that has computed its first point."""
    command = [sys.executable, "-m", "relaxd.service", "refine", *arguments]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not any('"point"' in path.read_text() for path in folder.glob("*.journals/*")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    return process


def end(process: "subprocess.Popen[str]", number: int) -> str:
    """Sends a signal; returns what stands on stderr when the process and its children are gone."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert not [child for child in children if child.is_running()]
    return stderr


def test_ctrl_c_and_going_on(run: Run, tmp_path: Path) -> None:
    process = started(tmp_path, "O", "-o", "out.xyz", *GIVEN)
    stderr = end(process, signal.SIGINT)
    assert process.returncode == 130
    assert len(stderr.splitlines()) == 1
    assert "out.xyz.journals" in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.xyz.journals"]

    (journal,) = (tmp_path / "out.xyz.journals").iterdir()
    kept = journal.read_bytes()
    assert run("refine", "O", "-o", "out.xyz", *GIVEN).exit_code == 0
    assert journal.read_bytes().startswith(kept[: kept.rindex(b"\n")])
    assert run("refine", "O", "-o", "fresh.xyz", *GIVEN).exit_code == 0
    (resumed,), (fresh,) = frames(tmp_path / "out.xyz"), frames(tmp_path / "fresh.xyz")
    assert resumed.get_potential_energy() == pytest.approx(fresh.get_potential_energy(), abs=1e-4)


def test_sigterm_leaves_the_last_output(tmp_path: Path) -> None:
    (tmp_path / "out.xyz").write_text("the last one")
    process = started(tmp_path, "O", "C", "-o", "out.xyz", *GIVEN, "--workers", "2")
    assert "goes on from there" in end(process, signal.SIGTERM)
    assert process.returncode == 143
    assert (tmp_path / "out.xyz").read_text() == "the last one"
    assert {path.name for path in tmp_path.iterdir()} == {"out.xyz", "out.xyz.journals"}


def test_progress_says_what_runs_now() -> None:
    shown = io.StringIO()
    step = Step(1, np.zeros((2, 3)), -31.0, 0.051, False, 3, 0.1, False)
    with Progress(shown) as progress:
        progress.tell("aspirin", ScfCycle(0, 7, -27.2114))
        progress.tell("aspirin", step)
        progress.done("aspirin")
    assert "aspirin: 0 gradients, SCF cycle 7 -1.00000 Hartree" in shown.getvalue()
    assert "aspirin: 1 gradient, max force 0.051 eV/Å" in shown.getvalue()


def test_defaults_are_those_of_the_bridge() -> None:
    defaults = {k: v.default for k, v in inspect.signature(_refine.refine).parameters.items()}
    settings = RefineSettings()
    assert defaults["hessian"] == settings.hessian
    assert defaults["device"] == settings.device
    assert defaults["frequencies"] == settings.frequencies
    assert defaults["max_gradients"] == settings.max_gradients
    assert (defaults["threads"], defaults["memory"]) == (settings.threads, settings.memory_mb)
    assert _refining.make_settings(None, None) == settings


def test_help_does_not_wait_for_torch() -> None:
    process = relaxd("refine", "--help", without=["torch", "rdkit", "ase", "numpy", "pyscf"])
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize("name", ["pyscf", "psutil"])
def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    outcome = run("refine", "C", *GIVEN)
    assert outcome.exit_code == 2
    assert f"needs the package '{name}': pip install 'relaxd[dft]'" in message(outcome)


@pytest.mark.skipif(importlib.util.find_spec("gpu4pyscf") is not None, reason="there may be one")
def test_a_gpu_that_is_not_there(run: Run) -> None:
    outcome = run("refine", "C", *GIVEN, "--device", "gpu")
    assert outcome.exit_code == 2
    assert "no GPU" in message(outcome)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--level", "nonsense"], "expected functional/basis"),
        (["--level", "pbe/no-such-basis"], "no such basis"),
        (["--solvent", "watr"], "close to it: water"),
        (["missing.sdf"], "No such file"),
        (["data.txt"], "expected one of"),
        (["-o", "out.pdb"], "expected one of"),
        (["-o", "missing/out.sdf"], "missing/out.sdf: No such file"),
        (["-o", "folder.sdf"], "Is a directory"),
        (["--trajectory", "out.sdf"], "expected one of .xyz, .extxyz"),
        (["-o", "out.xyz", "--trajectory", "./out.xyz"], "both results and trajectory"),
        (["a.smi", "-o", "./a.smi"], "is read from"),
        (["a.xyz", "--trajectory", "a.xyz"], "is read from"),
        (["--journals", "data.txt"], "File exists"),
        (["--device", "abacus"], "abacus"),
        (["--hessian", "exact"], "exact"),
        (["--start", "anywhere"], "anywhere"),
        (["--max-gradients", "0"], "--max-gradients"),
        (["--start", "relaxd", "--model", "missing"], "no model named"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], reason: str) -> None:
    for name in ("data.txt", "a.smi", "a.xyz"):
        (tmp_path / name).write_text("C methane\n")
    (tmp_path / "folder.sdf").mkdir()
    before, names = contents(tmp_path), sorted(tmp_path.iterdir())
    outcome = run("refine", "C", *GIVEN, *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
    assert (contents(tmp_path), sorted(tmp_path.iterdir())) == (before, names)
