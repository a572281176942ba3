"""Molecules from names that hold no geometry: SMILES, and IUPAC names by way of them."""

import re
from collections.abc import Sequence

from rdkit import Chem, rdBase

from ._bonded import check_graph, from_bonded, has_transition_metal, sanitize
from ._checks import MAIN_GROUP_METALS, check_size
from ._errors import MoleculeError, naming
from ._etkdg import SEED, add_conformers, pre_relax
from ._molecule import Molecule
from ._opsin import to_smiles


def from_smiles(
    smiles: str,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """Embeds a SMILES with ETKDGv3 and relaxes it with MMFF94, or UFF where that has no parameters.

    Args:
        smiles: one connected molecule, without a title. Hydrogens may be left out.
        charge: must agree with the SMILES where given.
        multiplicity: by default from the radical centres of the SMILES, parallel spins assumed.
        frozen: atoms that must not move: those of the SMILES in its order, then the hydrogens.
        id: name of the molecule.

    Raises:
        MoleculeError: unparsable-smiles, invalid-valence, invalid-aromaticity, multiple-fragments,
            unknown-element, too-many-atoms, metal-complex, embedding-failed, charge-mismatch, ...
    """
    with naming(id, label=repr(smiles if len(smiles) <= 80 else f"{smiles[:77]}...")):
        mol = embed(_parse(smiles))
        return from_bonded(
            mol, charge=charge, multiplicity=multiplicity, frozen=frozen, id=id, smiles=smiles
        )


def from_iupac(
    name: str,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """Converts an IUPAC name with OPSIN, then goes on as `from_smiles`.

    Raises:
        MoleculeError: no-iupac-converter (Java or the package py2opsin is missing),
            unparsable-iupac (also where the name fits several molecules), or what `from_smiles`
            raises.
    """
    with naming(id):
        return from_smiles(
            to_smiles(name), charge=charge, multiplicity=multiplicity, frozen=frozen, id=id
        )


def embed(mol: Chem.Mol) -> Chem.Mol:
    """Adds hydrogens and one geometry to a sanitized molecule of one fragment.

    Raises:
        MoleculeError: too-many-atoms, metal-complex, embedding-failed.
    """
    if has_transition_metal(mol):
        raise MoleculeError(
            "metal-complex", "the coordination of a metal cannot be had from bonds; send it in 3D"
        )
    mol = Chem.AddHs(mol)
    check_size(mol.GetNumAtoms())
    if not add_conformers(mol, 1, SEED):
        metal = any(atom.GetAtomicNum() in MAIN_GROUP_METALS for atom in mol.GetAtoms())
        raise MoleculeError(
            "metal-complex" if metal else "embedding-failed",
            "ETKDG finds no geometry with these bonds and stereocentres; send it in 3D",
        )
    pre_relax(mol)
    return mol


def _parse(smiles: str) -> Chem.Mol:
    mol = None
    # RDKit takes what follows a blank for a title, and would pass over a typing error there.
    if not re.search(r"\s", smiles):
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        raise MoleculeError("unparsable-smiles", "not a SMILES")
    check_graph(mol)
    sanitize(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol
