"""Geometries in, and the same geometries out again."""

from io import StringIO

import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdDepictor, rdDistGeom

from relaxd.relax import (
    Molecule,
    MoleculeError,
    from_arrays,
    from_atoms,
    from_rdkit,
    from_sdf,
    from_smiles,
    from_xyz,
    to_molecule,
)

CHAIN = st.lists(
    st.sampled_from(["C", "O", "N", "S", "C(=O)", "C(F)", "[C@H](C)", "[C@@H](Cl)", "c1ccc(cc1)"]),
    min_size=1,
    max_size=5,
).map("".join)
SMILES = st.sampled_from(["[NH3+]", "[CH2]", "F", "[O-]", "N#C", "F/C=C/"]).flatmap(
    lambda head: CHAIN.map(lambda chain: head + chain)
)


def canonical(molecule: Molecule) -> str:
    """SMILES with the stereo of the geometry, specified or not."""
    mol = molecule.to_rdkit()
    Chem.AssignStereochemistryFrom3D(mol)
    return str(Chem.MolToSmiles(Chem.RemoveHs(mol)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SMILES)
def test_smiles_to_sdf_and_back(smiles: str) -> None:
    molecule = from_smiles(smiles, id="a name")
    back = from_sdf(str(molecule.to_sdf()))
    assert np.array_equal(back.atomic_numbers, molecule.atomic_numbers)
    assert np.abs(back.positions - molecule.positions).max() < 1e-4
    assert (back.charge, back.multiplicity) == (molecule.charge, molecule.multiplicity)
    assert back.id == "a name"
    assert back.bonds == molecule.bonds
    assert canonical(back) == canonical(molecule) == back.smiles


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[int], np.ndarray]:
    """Any elements in a row, near enough to be one molecule."""
    n = draw(st.integers(1, 12))
    numbers = draw(st.lists(st.integers(1, 86), min_size=n, max_size=n))
    wiggle = draw(st.lists(st.floats(-1, 1), min_size=3 * n, max_size=3 * n))
    row = np.outer(np.arange(n), [0.6, 0.0, 0.0])
    return numbers, row + np.reshape(wiggle, (n, 3)) * [0.05, 0.2, 0.2]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chains(), st.integers(-1, 0))
def test_arrays_to_xyz_and_back(chain: tuple[list[int], np.ndarray], charge: int) -> None:
    numbers, positions = chain
    molecule = from_arrays(numbers, positions, charge=charge, id="chain")
    text = StringIO()
    write(text, molecule.to_atoms(), format="extxyz")
    back = from_xyz(text.getvalue())
    assert back.atomic_numbers.tolist() == numbers
    assert np.abs(back.positions - positions).max() < 1e-7
    assert (back.charge, back.multiplicity, back.id) == (charge, molecule.multiplicity, "chain")


def test_geometry_is_used_as_given() -> None:
    start = from_smiles("OC[C@H](N)C#N")
    order = np.random.default_rng(3).permutation(len(start))
    numbers, positions = start.atomic_numbers[order], start.positions[order] + 5.0
    molecule = from_arrays(numbers, positions)
    assert np.array_equal(molecule.atomic_numbers, numbers)
    assert np.array_equal(molecule.positions, positions)
    assert molecule.smiles == canonical(start)


@pytest.mark.parametrize(
    "smiles",
    ["CC(=O)[O-]", "[NH3+]CC(=O)[O-]", "[CH3]", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "CS(=O)(=O)C"],
)
def test_bonds_are_perceived(smiles: str) -> None:
    start = from_smiles(smiles)
    molecule = from_arrays(
        start.atomic_numbers,
        start.positions,
        charge=start.charge,
        multiplicity=start.multiplicity,
    )
    assert molecule.smiles == canonical(start)


def test_wrong_charge_leaves_bonds_unknown_and_is_no_error() -> None:
    start = from_smiles("CC(=O)O")
    assert from_arrays(start.atomic_numbers, start.positions, charge=2).bonds is None


def test_hopeless_perception_gives_up() -> None:
    # Alternating N and S in a row admit exponentially many valence assignments.
    numbers = [7, 16] * 30
    molecule = from_arrays(numbers, np.outer(np.arange(60), [1.5, 0.0, 0.0]))
    assert molecule.bonds is None


def test_plain_xyz_with_hints_in_the_comment() -> None:
    molecule = from_xyz("2\ncharge=1 spin=2 id=n2+\nN 0 0 0\nN 0 0 1.1\n")
    assert (molecule.charge, molecule.multiplicity, molecule.id) == (1, 2, "n2+")
    given_anew = from_xyz("2\ncharge=1 spin=2\nN 0 0 0\nN 0 0 1.1\n", charge=0, multiplicity=3)
    assert (given_anew.charge, given_anew.multiplicity) == (0, 3)


def test_atoms_with_moments_charges_and_constraints() -> None:
    atoms = Atoms("OH", [[0, 0, 0], [0, 0, 1]], magmoms=[1, 0], charges=[0.0, 0.0])
    atoms.set_constraint(FixAtoms(indices=[1]))
    molecule = from_atoms(atoms)
    assert (molecule.charge, molecule.multiplicity, molecule.frozen) == (0, 2, (1,))


def test_atoms_round_trip_keeps_everything() -> None:
    molecule = from_smiles("[CH2]C[NH3+]", id="m", frozen=[0])
    back = from_atoms(molecule.to_atoms())
    for name in ("charge", "multiplicity", "frozen", "id"):
        assert getattr(back, name) == getattr(molecule, name)
    assert np.array_equal(back.positions, molecule.positions)


def test_planar_sdf_that_says_3d_is_3d() -> None:
    flat = from_smiles("O").to_rdkit()
    assert flat is not None
    assert from_sdf(Chem.MolToMolBlock(flat)).smiles == "O"


def test_sdf_of_a_metal_complex_keeps_its_geometry_without_bonds() -> None:
    zinc = Chem.AddHs(Chem.MolFromSmiles("C[Zn]C"))
    rdDistGeom.EmbedMolecule(zinc, randomSeed=1)
    molecule = from_sdf(Chem.MolToMolBlock(zinc))
    assert molecule.bonds is None
    assert np.abs(molecule.positions - zinc.GetConformer().GetPositions()).max() < 1e-4


def test_data_items_of_an_sdf_do_not_outlive_its_geometry() -> None:
    record = str(from_smiles("CO").to_sdf({"energy": -1.0}))
    assert "<energy>" not in str(from_sdf(record).to_sdf())


def test_rdkit_without_a_geometry_is_embedded() -> None:
    mol = Chem.MolFromSmiles("CCO")
    rdDepictor.Compute2DCoords(mol)
    assert len(from_rdkit(mol)) == 9


def test_stereo_of_a_3d_input_comes_from_its_geometry() -> None:
    start = from_smiles("N[C@@H](C)C(=O)O")
    mirrored = from_arrays(start.atomic_numbers, start.positions * [1, 1, -1])
    assert mirrored.smiles == "C[C@@H](N)C(=O)O"
    assert canonical(start) == "C[C@H](N)C(=O)O"


def test_to_molecule_takes_what_stands_for_one() -> None:
    molecule = from_smiles("CO")
    assert to_molecule(molecule) is molecule
    for form in ("CO", molecule.to_atoms(), molecule.to_rdkit()):
        assert len(to_molecule(form)) == 6
    with pytest.raises(TypeError, match="int"):
        to_molecule(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "1000000000000\n\nC 0 0 0\n",
        "1_000_000_000_000\n\nC 0 0 0\n",
        "1\n\nC 0 0 0\n1000000000000\n\n",
        "1\n\nC 0 0 0\nVEC1 1 0 0\n1000000000000\n\n",
        "1\nProperties=species:S:1:pos:R:3:a:R:1000000000\nC 0 0 0 0\n",
    ],
)
def test_xyz_that_promises_what_it_has_not_is_refused_at_once(text: str) -> None:
    with pytest.raises(MoleculeError) as caught:
        from_xyz(text)
    assert caught.value.code == "unparsable-xyz"


def test_a_number_may_be_the_comment_of_an_xyz() -> None:
    assert len(from_xyz("1\n1000000000000\nHe 0 0 0\n")) == 1
