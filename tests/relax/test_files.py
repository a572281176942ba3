"""Files of many molecules, some of them bad."""

import io
from pathlib import Path

import ase.io
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from relaxd.relax import (
    Molecule,
    MoleculeError,
    from_arrays,
    from_smiles,
    read_molecules,
    write_extxyz,
    write_sdf,
    write_xyz,
)

MOLECULES = [from_smiles("CCO", id="ethanol"), from_smiles("[CH3]", id="methyl")]


def summary(source: str | Path) -> list[tuple[str | None, str | int]]:
    """(id, number of atoms or error code) of each record."""
    return [
        (item.id, item.code if isinstance(item, MoleculeError) else len(item))
        for item in read_molecules(source)
    ]


def test_smi(tmp_path: Path) -> None:
    path = tmp_path / "set.smi"
    path.write_text("# a comment\nCCO ethyl alcohol\n\nC1CC broken\nC\n")
    assert summary(path) == [
        ("ethyl alcohol", 9),
        ("broken", "unparsable-smiles"),
        ("set-3", 5),
    ]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("C methane\nxx\n"))
    assert summary("-") == [("methane", 5), ("stdin-2", "unparsable-smiles")]


def test_sdf(tmp_path: Path) -> None:
    path = tmp_path / "set.sdf"
    assert write_sdf(path, MOLECULES) == []
    first, second = path.read_text().split("$$$$\n")[:2]
    path.write_text(f"{first}$$$$\nbad\nrubbish\n$$$$\n{second}")
    assert summary(path) == [("ethanol", 9), ("bad", "unparsable-sdf"), ("methyl", 4)]


def test_sdf_leaves_out_what_has_no_bonds(tmp_path: Path) -> None:
    bare = from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]], id="FeCl")
    assert write_sdf(tmp_path / "set.sdf", [*MOLECULES, bare]) == [bare]
    assert len(summary(tmp_path / "set.sdf")) == 2


def test_extxyz_keeps_name_charge_and_spin(tmp_path: Path) -> None:
    path = tmp_path / "set.extxyz"
    write_xyz(path, [*MOLECULES, from_smiles("C[NH3+]", id="methyl ammonium")])
    molecules = list(read_molecules(path))
    assert all(isinstance(molecule, Molecule) for molecule in molecules)
    assert [(m.id, m.charge, m.multiplicity) for m in molecules if isinstance(m, Molecule)] == [
        ("ethanol", 0, 1),
        ("methyl", 0, 2),
        ("methyl ammonium", 1, 1),
    ]


@pytest.mark.parametrize("promised", [1, 3])
def test_xyz_with_a_wrong_count_costs_one_record(tmp_path: Path, promised: int) -> None:
    path = tmp_path / "set.xyz"
    hydrogen = "2\n{title}\nH 0 0 0\nH 0 0 0.74\n"
    wrong = hydrogen.replace("2\n", f"{promised}\n", 1)
    path.write_text(
        hydrogen.format(title="first") + wrong.format(title="wrong") + hydrogen.format(title="")
    )
    assert summary(path) == [("first", 2), ("wrong", "unparsable-xyz"), ("set-3", 2)]


def test_charge_holds_for_every_molecule(tmp_path: Path) -> None:
    path = tmp_path / "set.xyz"
    path.write_text("2\n\nO 0 0 0\nH 0 0 0.97\n")
    (molecule,) = read_molecules(path, charge=-1)
    assert isinstance(molecule, Molecule)
    assert (molecule.charge, molecule.multiplicity) == (-1, 1)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_molecules(tmp_path / "none.sdf"))


@pytest.mark.parametrize(
    ("smiles", "id"),
    [
        (r"F/C=C\F", "cis"),
        (r"F/C=C/F", "a\\b"),
        ("C=C", "ends with ="),
        ("C", "_JSON [1]"),
        ("C", 'two "quotes"'),
    ],
)
def test_extxyz_comes_back_as_it_was(tmp_path: Path, smiles: str, id: str) -> None:
    write_xyz(tmp_path / "set.xyz", [from_smiles(smiles, id=id)])
    atoms = ase.io.read(tmp_path / "set.xyz", format="extxyz")
    assert (atoms.info["smiles"], str(atoms.info["id"])) == (smiles, id)


def test_extxyz_leaves_the_frame_alone() -> None:
    atoms = from_smiles(r"F/C=C\F").to_atoms()
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=atoms.positions)
    atoms.info["note"] = ""
    file = io.StringIO()
    write_extxyz(file, [atoms, atoms])
    assert (atoms.info["smiles"], atoms.info["note"]) == (r"F/C=C\F", "")
    frames = ase.io.read(io.StringIO(file.getvalue()), index=":", format="extxyz")
    assert [frame.get_potential_energy() for frame in frames] == [-1.0, -1.0]
    assert all("note" not in frame.info for frame in frames)
