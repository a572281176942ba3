"""Many starting geometries of one molecule."""

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._errors import MoleculeError
from ._etkdg import SEED, add_conformers, pre_relax
from ._molecule import Molecule
from ._stereo import mark_stereo
from ._verdict import stereo_kept

CONFORMER_SEED = SEED + 1
"""Of the random numbers of ETKDG; not the one that made the geometry of a molecule from SMILES."""


def embed_conformers(
    molecule: Molecule, n: int, seed: int = CONFORMER_SEED
) -> npt.NDArray[np.float64]:
    """The molecule's own geometry, and others by ETKDGv3 and MMFF94 (UFF without parameters).

    All have the stereochemistry of the own geometry, also where a SMILES leaves it open. They are
    neither sorted nor freed of duplicates. The first m of n do not depend on n.

    Args:
        molecule: its bonds must be known, and no atom be frozen.
        n: geometries to make, the molecule's own included.
        seed: of the random numbers, from 0 to 2^31 - 1.

    Returns:
        (k, n_atoms, 3), Angstrom, 1 <= k <= n: fewer where ETKDG fails.

    Raises:
        MoleculeError: no-bonds, frozen-conformers.
    """
    if molecule.rdmol is None:
        reason = "conformers are embedded from bonds, and none are known"
        raise MoleculeError("no-bonds", reason, molecule.id)
    if molecule.frozen:
        reason = "conformers move every atom, and some are frozen"
        raise MoleculeError("frozen-conformers", reason, molecule.id)
    mol = Chem.Mol(molecule.rdmol)
    mark_stereo(mol)
    if n == 1 or not add_conformers(mol, n - 1, seed):
        return molecule.positions[None]
    pre_relax(mol)
    embedded = [conformer.GetPositions() for conformer in mol.GetConformers()]
    return np.stack([molecule.positions, *(x for x in embedded if stereo_kept(molecule, x))])
