"""From an RDKit molecule, with or without a geometry, to a `Molecule`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase

from ._checks import TRANSITION_METALS, check_size, lowest_multiplicity
from ._errors import MoleculeError
from ._molecule import Molecule
from ._perceive import count_radicals


def sanitize(mol: Chem.Mol) -> None:
    """Checks valences and perceives aromaticity, in place.

    Raises:
        MoleculeError: invalid-valence, invalid-aromaticity.
    """
    try:
        with rdBase.BlockLogs():
            Chem.SanitizeMol(mol)
    except Chem.KekulizeException as error:
        raise MoleculeError("invalid-aromaticity", _sentence(error)) from error
    except (Chem.MolSanitizeException, RuntimeError) as error:
        raise MoleculeError("invalid-valence", _sentence(error)) from error


def check_graph(mol: Chem.Mol) -> None:
    """Asks for one fragment, of known elements and of a size that is read.

    Raises:
        MoleculeError: empty-molecule, too-many-atoms, multiple-fragments, unknown-element.
    """
    if mol.GetNumAtoms() == 0:
        raise MoleculeError("empty-molecule", "the molecule has no atoms")
    check_size(mol.GetNumAtoms())
    fragments = len(Chem.GetMolFrags(mol))
    if fragments > 1:
        raise MoleculeError(
            "multiple-fragments", f"{fragments} fragments; send each as a molecule of its own"
        )
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            raise MoleculeError(
                "unknown-element", f"atom {atom.GetIdx()} ({atom.GetSymbol()}) is no element"
            )


def has_transition_metal(mol: Chem.Mol) -> bool:
    """Whether an atom is of the d or f block."""
    return any(atom.GetAtomicNum() in TRANSITION_METALS for atom in mol.GetAtoms())


def from_bonded(
    mol: Chem.Mol,
    *,
    charge: int | None,
    multiplicity: int | None,
    frozen: Sequence[int],
    id: str | None,
    smiles: str | None = None,
) -> Molecule:
    """A `Molecule` from a sanitized RDKit molecule with all hydrogens and one conformer.

    Its formal charges make the charge, its radical centres the multiplicity, parallel spins
    assumed; what is given must agree.

    Raises:
        MoleculeError: missing-hydrogens, charge-mismatch, or what `Molecule` refuses.
    """
    implied = sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    if implied:
        raise MoleculeError(
            "missing-hydrogens", f"{implied} hydrogens have no coordinates; 3D input needs them all"
        )
    formal = Chem.GetFormalCharge(mol)
    if charge is not None and charge != formal:
        raise MoleculeError(
            "charge-mismatch", f"charge {charge:+d} was given, the bonds say {formal:+d}"
        )
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64)
    return Molecule(
        numbers,
        mol.GetConformer().GetPositions(),
        formal,
        _multiplicity(mol, numbers, formal) if multiplicity is None else multiplicity,
        tuple(frozen),
        id,
        mol,
        canonical_smiles(mol) if smiles is None else smiles,
    )


def canonical_smiles(mol: Chem.Mol) -> str:
    """Canonical isomeric SMILES, hydrogens implied."""
    with rdBase.BlockLogs():
        return str(Chem.MolToSmiles(Chem.RemoveHs(mol)))


def _multiplicity(mol: Chem.Mol, atomic_numbers: npt.NDArray[np.int64], charge: int) -> int:
    lowest = lowest_multiplicity(atomic_numbers, charge)
    parallel = count_radicals(mol) + 1
    # Open valences that the parity of the electrons contradicts (some metals) say nothing.
    return parallel if (parallel - lowest) % 2 == 0 else lowest


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
