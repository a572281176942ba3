"""`relaxd sample`: inputs, outputs, the table, the plot, and exit statuses."""

import importlib.util
import json
from pathlib import Path

import ase.io
import matplotlib.image
import numpy as np
import pytest
from rdkit import Chem

from relaxd.client.schemas import JobResult, SampleOptions
from relaxd.relax import Relaxer
from relaxd.relax._conformers import CONFORMER_SEED
from relaxd.service.cli._sample_table import main_angles

from .conftest import Run, message

FEW = ("--samples", 50)

SMI = "CCO ethanol\nnonsense bad\nCCCl chloroethane\nC methane\n"


def records(path: Path) -> list[Chem.Mol]:
    return list(Chem.SDMolSupplier(str(path), removeHs=False))


def test_defaults_are_those_of_the_library() -> None:
    assert SampleOptions().seed == CONFORMER_SEED


def test_a_bad_molecule_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text(SMI)
    outcome = run("sample", "a.smi", "-o", "out.sdf", *FEW)
    assert outcome.exit_code == 1
    lines = [line for line in outcome.stdout.splitlines()[1:] if not line.startswith(" ")]
    ethanol, bad, chloroethane, methane = map(str.split, lines)
    assert (ethanol[:2], ethanol[3:5]) == (["ethanol", "C2H6O"], ["of", "50"])
    assert "C1-C2-O3-H9:" in ethanol
    assert bad == ["bad", "none", "unparsable-smiles"]
    assert chloroethane == ["chloroethane", "none", "out-of-domain"]
    assert methane[-2:] == ["0:", "100.0%"]
    assert "relaxd: bad: not a SMILES (unparsable-smiles)" in outcome.stderr
    assert "relaxd: ethanol: only" in outcome.stderr
    assert "effective samples; below 50" in outcome.stderr
    drawn = records(tmp_path / "out.sdf")
    names = [mol.GetProp("_Name") for mol in drawn]
    assert names == ["ethanol"] * 50 + ["methane"] * 50
    assert sum(float(mol.GetProp("weight")) for mol in drawn[:50]) == pytest.approx(1)


def test_json_is_what_a_server_answers(run: Run, tmp_path: Path) -> None:
    options = ("--temperature", 400, "--seed", 7, *FEW)
    assert run("sample", "CCCC", "nonsense", "O", "-o", "out.json", *options).exit_code == 1
    butane, water = map(JobResult.model_validate, json.loads((tmp_path / "out.json").read_text()))
    assert (butane.index, butane.id, water.index) == (0, "CCCC", 2)
    expected = Relaxer.load().sample("CCCC", 400, 50, seed=7)
    assert butane.sample is not None
    assert np.allclose(butane.sample.positions, expected.positions, atol=1e-4)
    assert np.allclose(butane.sample.weights, expected.weights)
    assert butane.sample.conformer_of == expected.conformer_of.tolist()
    assert [t.atoms for t in butane.sample.torsions] == [(0, 1, 2, 3)]
    assert water.sample is not None
    assert water.sample.torsions == []


@pytest.mark.parametrize("name", ["out.xyz", "out.extxyz"])
def test_xyz_comes_out(run: Run, tmp_path: Path, name: str) -> None:
    assert run("sample", "O", "-o", name, *FEW).exit_code == 0
    frames = ase.io.read(tmp_path / name, ":", format="extxyz")
    assert len(frames) == 50
    assert {"weight", "conformer", "relative_energy_kcal_mol"} <= frames[0].info.keys()


def test_standard_output(run: Run) -> None:
    outcome = run("sample", "-", "-o", "-", "--no-reweight", *FEW, text="O water\n")
    assert outcome.stdout.count("$$$$") == 50
    assert "<relative_energy_kcal_mol>" not in outcome.stdout
    assert "not weighed" in outcome.stderr
    assert "do not trust" not in outcome.stderr
    assert outcome.exit_code == 0


def test_plot(run: Run, tmp_path: Path) -> None:
    outcome = run("sample", "CCO", "nonsense", "OO", "--plot", "torsions.png", *FEW)
    assert outcome.exit_code == 1
    picture = matplotlib.image.imread(tmp_path / "torsions.png")
    height, width = picture.shape[:2]
    assert width > height > 300  # two panels side by side
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 2
    outcome = run("sample", "O", "--plot", "none.svg", *FEW)
    assert outcome.exit_code == 0
    assert "there is no torsion to plot" in outcome.stderr
    assert not (tmp_path / "none.svg").exists()


def test_plot_says_which_extra_it_needs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    outcome = run("sample", "CCO", "--plot", "torsions.png", *FEW)
    assert outcome.exit_code == 2
    assert "pip install 'relaxd[plot]'" in message(outcome)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing argument"),
        (["C", "--temperature", "9"], "--temperature"),
        (["C", "--samples", "9"], "--samples"),
        (["C", "--samples", "20001"], "--samples"),
        (["C", "--seed", "-1"], "--seed"),
        (["C", "-o", "out.pdb"], "expected one of"),
        (["C", "-o", "missing/out.sdf"], "No such file"),
        (["C", "--plot", "out.pdb"], "expected one of .png, .svg, .pdf"),
        (["C", "--plot", "missing/out.png"], "No such file"),
        (["a.smi", "-o", "./a.smi"], "is read from"),
        (["C", "--job", "x"], "--job needs --server"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], reason: str) -> None:
    (tmp_path / "a.smi").write_text("C methane\n")
    outcome = run("sample", *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
    assert (tmp_path / "a.smi").read_text() == "C methane\n"


def histogram(centres: dict[float, float]) -> list[float]:
    """A jagged one: of 36 parts, each other one is half as high as it should be."""
    angles = np.arange(-175, 180, 10)
    shares = np.zeros(36)
    for centre, weight in centres.items():
        turned = (angles - centre + 180) % 360 - 180
        shares += weight * np.exp(-((turned / 15) ** 2) / 2)
    shares[::2] /= 2
    return list(shares / shares.sum())


def test_main_angles() -> None:
    found = main_angles(histogram({180: 5.0, 60: 3.0, -60: 2.0}))
    angles, shares = zip(*found, strict=True)
    assert abs(angles[0]) == pytest.approx(180, abs=5)
    assert angles[1:] == pytest.approx([60, -60], abs=5)
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_what_is_rare_is_no_main_angle() -> None:
    assert len(main_angles(histogram({60: 0.97, -60: 0.03}))) == 1


def test_flat_histograms_have_one_well() -> None:
    assert [share for _, share in main_angles([1 / 36] * 36)] == [pytest.approx(1)]
