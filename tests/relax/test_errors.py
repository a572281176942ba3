"""Every code of `MoleculeError` is raised by the input it is for."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from rdkit import Chem
from rdkit.Chem import rdDepictor

from relaxd.relax import (
    CODES,
    MoleculeError,
    Relaxer,
    embed_conformers,
    from_arrays,
    from_atoms,
    from_iupac,
    from_qcschema,
    from_sdf,
    from_smiles,
    from_xyz,
    gfn2_xtb,
    mmff94,
    read_molecules,
)
from relaxd.relax._errors import naming

WATER = [[0.0, 0.0, 0.12], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]]
WATER_XYZ = "3\n\nO 0 0 0.12\nH 0 0.76 -0.48\nH 0 -0.76 -0.48\n"


def water_with(value: float) -> list[list[float]]:
    return [[0.0, 0.0, value], *WATER[1:]]


def gold_lattice() -> np.ndarray:
    return np.array([[i, j, k] for i in range(3) for j in range(3) for k in range(3)])[:16] * 1.8


def drawing(smiles: str) -> str:
    mol = Chem.MolFromSmiles(smiles)
    rdDepictor.Compute2DCoords(mol)
    return Chem.MolToMolBlock(mol)


def three_dimensional_without_hydrogens() -> str:
    record = from_smiles("CCO").to_rdkit()
    return Chem.MolToMolBlock(Chem.RemoveHs(record))


def rdkit_fails() -> None:
    with naming("molecule"):
        raise RuntimeError("Invariant Violation\n\tbad direction\n\tand so on")


TRIGGERS: list[tuple[str, Callable[[], object]]] = [
    ("charge-mismatch", lambda: from_smiles("[NH4+]", charge=0)),
    ("charge-mismatch", lambda: from_smiles("[H+]")),
    ("charge-mismatch", lambda: from_atoms(Atoms("H", info={"charge": 0.5}))),
    ("embedding-failed", lambda: from_smiles("C1#CC1")),
    ("empty-molecule", lambda: from_smiles("")),
    ("empty-molecule", lambda: from_arrays([], np.zeros((0, 3)))),
    ("empty-molecule", lambda: from_xyz("0\n\n")),
    ("force-field-failed", lambda: mmff94(from_smiles("O=[H+]([O-])c1ccccc1"))),
    ("frozen-conformers", lambda: embed_conformers(from_smiles("CCO", frozen=[0]), 2)),
    ("frozen-out-of-range", lambda: from_arrays([8, 1, 1], WATER, frozen=[3])),
    ("frozen-out-of-range", lambda: from_smiles("O", frozen=[-1])),
    ("invalid-aromaticity", lambda: from_smiles("c1cccc1")),
    ("invalid-valence", lambda: from_smiles("C(C)(C)(C)(C)C")),
    ("length-mismatch", lambda: from_arrays([8, 1], WATER)),
    ("length-mismatch", lambda: from_arrays([8, 1, 1], [[0, 0, 0], [1, 0]])),
    ("linear-molecule", lambda: Relaxer.load().sample("C#C")),
    ("metal-complex", lambda: from_smiles("Cl[Pt](Cl)(N)N")),
    ("missing-coordinates", lambda: from_arrays([8, 1, 1], np.zeros((3, 3)))),
    ("missing-coordinates", lambda: from_arrays([8, 1, 1], [])),
    ("missing-coordinates", lambda: from_sdf(drawing("CCO"))),
    ("missing-hydrogens", lambda: from_sdf(three_dimensional_without_hydrogens())),
    ("multiple-fragments", lambda: from_smiles("[Na+].[Cl-]")),
    ("multiple-fragments", lambda: from_arrays([2, 2], [[0, 0, 0], [0, 0, 3]])),
    ("multiple-records", lambda: from_xyz(WATER_XYZ * 2)),
    ("multiple-records", lambda: from_sdf(str(from_smiles("O").to_sdf()) * 2)),
    ("multiplicity-parity", lambda: from_arrays([8, 1, 1], WATER, multiplicity=2)),
    ("multiplicity-parity", lambda: from_smiles("O", multiplicity=0)),
    ("no-bonds", lambda: mmff94(from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]]))),
    ("no-force-field", lambda: mmff94(from_smiles("C[Sn](C)(C)C"))),
    ("non-finite-positions", lambda: from_arrays([8, 1, 1], water_with(np.nan))),
    ("non-finite-positions", lambda: from_arrays([8, 1, 1], water_with(np.inf))),
    ("positions-out-of-range", lambda: from_arrays([8, 1, 1], water_with(1e7))),
    ("out-of-domain", lambda: Relaxer.load().sample("CCCl")),
    ("overlapping-atoms", lambda: from_arrays([8, 1, 1], [WATER[0], WATER[0], WATER[1]])),
    ("periodic", lambda: from_atoms(Atoms("O", cell=[5, 5, 5], pbc=True))),
    ("rdkit-failed", rdkit_fails),
    ("scf-not-converged", lambda: gfn2_xtb(from_arrays([79] * 16, gold_lattice()))),
    ("too-many-atoms", lambda: from_arrays([6] * 10_000, np.zeros((10_000, 3)))),
    ("too-many-atoms", lambda: from_smiles("C" * 10_000)),
    ("too-many-atoms", lambda: from_smiles("C" * 900)),
    ("unknown-element", lambda: from_arrays([119, 1], [[0, 0, 0], [0, 0, 1]])),
    ("unknown-element", lambda: from_arrays([6.5, 1], [[0, 0, 0], [0, 0, 1]])),
    ("unknown-element", lambda: from_arrays(["C", "H"], [[0, 0, 0], [0, 0, 1]])),
    ("unknown-element", lambda: from_smiles("C*")),
    ("unknown-element", lambda: from_xyz("1\n\nQq 0 0 0\n")),
    ("unknown-format", lambda: read_molecules(Path("molecules.pdb"))),
    ("unparsable-iupac", lambda: from_iupac("ethanol\nmethanol")),
    ("unparsable-qcschema", lambda: from_qcschema("{}")),
    ("unparsable-sdf", lambda: from_sdf("no record")),
    ("unparsable-sdf", lambda: from_sdf("")),
    ("unparsable-smiles", lambda: from_smiles("C1CC")),
    ("unparsable-smiles", lambda: from_smiles("CCO ethanol")),
    ("unparsable-xyz", lambda: from_xyz("3\n\nO 0 0 0\n")),
    ("unparsable-xyz", lambda: from_xyz("")),
    ("unparsable-xyz", lambda: from_xyz("1\nProperties=3\nO 0 0 0\n")),
    ("unparsable-xyz", lambda: from_xyz(WATER_XYZ + "and so on\n")),
]

OF_THE_CONVERTER = {"no-iupac-converter"}
"""Shown in test_iupac, where the converter is taken away."""


@pytest.mark.parametrize(("code", "trigger"), TRIGGERS)
def test_code_is_raised(code: str, trigger: Callable[[], object]) -> None:
    with pytest.raises(MoleculeError) as caught:
        trigger()
    assert caught.value.code == code
    assert caught.value.category == CODES[code]
    assert caught.value.message


def test_no_code_is_left_untested() -> None:
    assert {code for code, _ in TRIGGERS} | OF_THE_CONVERTER == set(CODES)


def test_message_names_the_molecule_once() -> None:
    with pytest.raises(MoleculeError) as caught:
        from_smiles("C*", id="thing")
    assert caught.value.id == "thing"
    assert str(caught.value).startswith("thing: ")
    assert str(caught.value).count("thing") == 1


def test_message_shows_a_smiles_without_a_name() -> None:
    with pytest.raises(MoleculeError, match=r"'C\*': "):
        from_smiles("C*")


def test_error_survives_pickling() -> None:
    error = MoleculeError("too-many-atoms", "10000 atoms", "big")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert vars(copy) == vars(error)
    assert (str(copy), copy.category) == ("big: 10000 atoms", "limit")
