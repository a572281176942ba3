"""`relaxd relax`: inputs, outputs, the table, and exit statuses."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import ase.io
import numpy as np
import pytest
from rdkit import Chem

from relaxd.relax import Molecule, MoleculeError, RelaxResult, from_smiles, relax_fallback
from relaxd.service.cli import _relaxing

from .conftest import Run, message

SMI = "CCO ethanol\nnonsense bad\n[Na+].[Cl-] salt\nCCCl chloroethane\n"

TRIHYDROGEN = "3\nid=H3+ charge=1\nH 0 0 0\nH 0.87 0 0\nH 0.435 0.75 0\n"


def titles(sdf: str) -> list[str]:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(sdf, removeHs=False)
    return [mol.GetProp("_Name") for mol in supplier]


def test_smiles_and_files_go_in(run: Run, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("C methane\nO water\n")
    ase.io.write(tmp_path / "b.xyz", from_smiles("CC", id="ethane").to_atoms(), format="extxyz")
    (tmp_path / "c.sdf").write_text(str(from_smiles("C=C", id="ethene").to_sdf()))
    outcome = run("relax", "CCO", "a.smi", "b.xyz", "c.sdf", "[NH4+]", "--model", weights)
    rows = [line.split() for line in outcome.stdout.splitlines()]
    assert [row[0] for row in rows] == [
        "id",
        "CCO",
        "methane",
        "water",
        "ethane",
        "ethene",
        "[NH4+]",
    ]
    assert rows[1] == ["CCO", "C2H6O", "diffusion", "yes", "0.000", "kept"]
    assert rows[-1][:4] == ["[NH4+]", "H4N", "gfn2-xtb", "yes"]
    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_a_bad_molecule_does_not_stop_the_others(run: Run, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text(SMI)
    outcome = run("relax", "a.smi", "-o", "out.sdf", "--model", weights)
    assert outcome.exit_code == 1
    assert titles((tmp_path / "out.sdf").read_text()) == ["ethanol", "chloroethane"]
    bad, salt = outcome.stderr.splitlines()
    assert bad == "relaxd: bad: not a SMILES (unparsable-smiles)"
    assert salt.startswith("relaxd: salt: 2 fragments")
    assert "unparsable-smiles" in outcome.stdout


def test_lowest_conformers_are_written(run: Run, weights: Path, tmp_path: Path) -> None:
    # The model leaves them as they are embedded.
    arguments = ["relax", "CCO", "nonsense", "O", "--conformers", 30, "--model", weights]
    outcome = run(*arguments, "--keep", 5, "-o", "out.sdf")
    rows = [line.split()[0] for line in outcome.stdout.splitlines()]
    assert (outcome.exit_code, rows) == (1, ["id", "CCO", "nonsense", "O"])
    assert titles((tmp_path / "out.sdf").read_text()) == ["CCO", "CCO", "O"]
    anti, gauche, water = Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False)
    energies = [float(mol.GetProp("relative_energy_kcal_mol")) for mol in (anti, gauche, water)]
    assert energies[0] == energies[2] == 0.0 < energies[1]
    assert float(anti.GetProp("population")) + float(gauche.GetProp("population")) == pytest.approx(
        1
    )
    assert run(*arguments, "-o", "out.xyz").exit_code == 1
    lowest, _ = ase.io.read(tmp_path / "out.xyz", index=":", format="extxyz")
    assert (lowest.info["relative_energy_kcal_mol"], lowest.info["ranked_by"]) == (0.0, "gfn2-xtb")
    assert np.allclose(lowest.positions, anti.GetConformer().GetPositions(), atol=1e-3)
    assert run("relax", "CCO", "--conformers", 1001).exit_code == 2


@pytest.mark.parametrize("name", ["out.xyz", "out.extxyz"])
def test_xyz_comes_out(run: Run, weights: Path, tmp_path: Path, name: str) -> None:
    assert run("relax", "CCC", "[OH-]", "-o", name, "--model", weights).exit_code == 0
    propane, hydroxide = ase.io.read(tmp_path / name, index=":", format="extxyz")
    assert (propane.info["id"], propane.info["method"]) == ("CCC", "diffusion")
    assert hydroxide.info["charge"] == -1


def test_a_smiles_with_a_backslash_comes_back(run: Run, weights: Path, tmp_path: Path) -> None:
    assert run("relax", r"F/C=C\F", "-o", "out.xyz", "--model", weights).exit_code == 0
    info = ase.io.read(tmp_path / "out.xyz", format="extxyz").info
    assert (info["smiles"], info["id"]) == (r"F/C=C\F", r"F/C=C\F")


def test_standard_input_and_output(run: Run, weights: Path) -> None:
    outcome = run("relax", "-", "-o", "-", "--model", weights, text=SMI)
    assert titles(outcome.stdout) == ["ethanol", "chloroethane"]
    assert "gfn2-xtb" in outcome.stderr
    assert outcome.exit_code == 1


def test_charge_and_multiplicity(run: Run, weights: Path, tmp_path: Path) -> None:
    ase.io.write(tmp_path / "a.xyz", from_smiles("O").to_atoms(), format="xyz")
    flags = ["--charge", "1", "--multiplicity", "2", "--model", weights]
    assert run("relax", "a.xyz", "-o", "b.xyz", *flags).exit_code == 0
    assert ase.io.read(tmp_path / "b.xyz", format="extxyz").info["multiplicity"] == 2


def test_molecule_without_bonds_is_not_lost_in_silence(
    run: Run, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.xyz").write_text(TRIHYDROGEN)
    outcome = run("relax", "a.xyz", "-o", "a.sdf", "--model", weights)
    assert outcome.exit_code == 1
    assert "H3+: its bonds are not known" in outcome.stderr
    assert run("relax", "a.xyz", "-o", "b.xyz", "--model", weights).exit_code == 0


def test_model_and_device_from_variables(
    run: Run, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAXD_MODEL", str(weights))
    assert "0.000" in run("relax", "CCC").stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing argument"),
        (["missing.sdf"], "No such file"),
        (["data.txt"], "expected one of"),
        (["C", "-o", "out.pdb"], "expected one of"),
        (["C", "-o", "missing/out.sdf"], "No such file"),
        (["a.smi", "-o", "./a.smi"], "is read from"),
        (["C", "--model", "missing"], "no model named"),
        (["C", "--model", "data.safetensors"], "header"),
        (["C", "--device", "abacus"], "abacus"),
        (["C", "--nonsense"], "No such option"),
        (["C", "--multiplicity", "0"], "--multiplicity"),
    ],
)
def test_usage(run: Run, weights: Path, tmp_path: Path, arguments: list[str], reason: str) -> None:
    for name in ("data.txt", "data.safetensors", "a.smi"):
        (tmp_path / name).write_text("C methane\n")
    outcome = run("relax", *(["--model", weights] if arguments else []), *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
    assert (tmp_path / "a.smi").read_text() == "C methane\n"


class Recorder:
    """A relaxer that notes how many molecules came at once, and spoils those it is told to."""

    def __init__(self, diverging: str | None = None) -> None:
        self.sizes: list[int] = []
        self.diverging = diverging

    def relax_batch(self, molecules: Sequence[Molecule]) -> list[RelaxResult]:
        self.sizes.append(len(molecules))
        results = [relax_fallback(molecule) for molecule in molecules]
        for result in results:
            if result.molecule.id == self.diverging:
                result.positions[0] = np.nan
        return results


def numbered(n: int) -> Iterator[Molecule | MoleculeError]:
    return (from_smiles("O", id=f"water-{i}") for i in range(n))


def test_molecules_stream(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(_relaxing, "CHUNK", 2)
    relaxer, written = Recorder(), []
    molecules = itertools.chain([MoleculeError("embedding-failed", "no", "first")], numbered(4))
    n_failed = _relaxing.relax_all(relaxer, molecules, written.append, table_to_stderr=False)
    assert (n_failed, relaxer.sizes) == (1, [1, 2, 1])
    assert [result.molecule.id for result in written] == [f"water-{i}" for i in range(4)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "first", *(f"water-{i}" for i in range(4))]
    assert len({line.rindex("kept") for line in lines[2:]}) == 1  # columns line up


def test_what_diverged_is_an_error(capsys: pytest.CaptureFixture) -> None:
    written: list[RelaxResult] = []
    relaxer = Recorder(diverging="water-0")
    assert _relaxing.relax_all(relaxer, numbered(2), written.append, table_to_stderr=True) == 1
    assert [result.molecule.id for result in written] == ["water-1"]
    assert "water-0" in capsys.readouterr().err
