"""Geometries from bonds: ETKDGv3, then MMFF94, or UFF where that has no parameters."""

from contextlib import suppress
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from ._force_field import force_field_for, make_force_field
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


def add_conformers(mol: Chem.Mol, n: int, seed: int) -> bool:
    """Replaces the conformers of `mol`, hydrogens included, by at most n that ETKDGv3 finds.

    Kept are those with the stereochemistry that the molecule is marked with. The first m of n do
    not depend on n.

    Returns:
        Whether there are any.
    """
    return any(_attempt(mol, n, seed, options) for options in ATTEMPTS)


def pre_relax(mol: Chem.Mol) -> None:
    """Relaxes every conformer with the better force field that has parameters, if any has."""
    name = force_field_for(mol)
    if name is None:
        return
    for conformer in mol.GetConformers():
        # Where the force field fails, what ETKDG made of the molecule has to do.
        with suppress(RuntimeError), rdBase.BlockLogs():
            force_field = make_force_field(mol, name, conformer.GetId())
            force_field.Minimize(maxIts=PRE_RELAXATION_STEPS)


def _attempt(mol: Chem.Mol, n: int, seed: int, options: dict[str, int]) -> bool:
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed
    parameters.timeout = EMBEDDING_TIMEOUT
    for name, value in options.items():
        setattr(parameters, name, value)
    with rdBase.BlockLogs():
        rdDistGeom.EmbedMultipleConfs(mol, n, parameters)
    # Out of time, RDKit returns numbers of conformers that are not there.
    ids = [conformer.GetId() for conformer in mol.GetConformers()]
    for wrong in [id for id in ids if not has_specified_stereo(mol, id)]:
        mol.RemoveConformer(wrong)
    return bool(mol.GetNumConformers() > 0)
