"""Molecules from names that hold no geometry: SMILES, and IUPAC names by way of them."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from ._bonded import check_graph, from_bonded, has_transition_metal, sanitize
from ._checks import MAIN_GROUP_METALS, check_size
from ._errors import MoleculeError, naming
from ._force_field import force_field_for, make_force_field
from ._molecule import Molecule
from ._opsin import to_smiles
from ._stereo import has_specified_stereo

SEED = 0x5EED
"""Of the random numbers of ETKDG: the same SMILES always gives the same geometry."""

EMBEDDING_TIMEOUT = 30
"""Seconds for one attempt; a cage that ETKDG cannot close would otherwise be tried for hours."""

ATTEMPTS: tuple[dict[str, int], ...] = (
    {"maxIterations": 30},
    # Where it enforces chirality, ETKDG rejects cages with all neighbours of an atom on one side.
    {"enforceChirality": False},
    {"useRandomCoords": True},
)
"""Options of ETKDG, tried in this order."""

PRE_RELAXATION_STEPS = 2000
"""Force-field steps after embedding."""


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
    with rdBase.BlockLogs():
        if not any(_embed(mol, options) for options in ATTEMPTS):
            metal = any(atom.GetAtomicNum() in MAIN_GROUP_METALS for atom in mol.GetAtoms())
            raise MoleculeError(
                "metal-complex" if metal else "embedding-failed",
                "ETKDG finds no geometry with these bonds and stereocentres; send it in 3D",
            )
    name = force_field_for(mol)
    if name is not None:
        # Where the force field fails, what ETKDG made of the molecule has to do.
        with suppress(RuntimeError), rdBase.BlockLogs():
            make_force_field(mol, name).Minimize(maxIts=PRE_RELAXATION_STEPS)
    return mol


def _embed(mol: Chem.Mol, options: dict[str, int]) -> bool:
    """Whether a geometry with the specified stereochemistry was found, and is now in `mol`."""
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = SEED
    parameters.timeout = EMBEDDING_TIMEOUT
    for name, value in options.items():
        setattr(parameters, name, value)
    return rdDistGeom.EmbedMolecule(mol, parameters) >= 0 and has_specified_stereo(mol)


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
