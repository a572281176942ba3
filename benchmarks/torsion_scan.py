"""Energy of butane and 1-propanol along their carbon torsion, by B3LYP, GFN2-xTB and MMFF94.

At each angle all else is relaxed by GFN2-xTB, from both sides and with every turn of the hydroxyl
group, and the lowest is kept; B3LYP/6-31G(2df,p) and MMFF94 give single points there. Energies are
kept in a file, and a run that was stopped goes on. `boltzmann.py` compares with what comes of it.
"""

import argparse
from pathlib import Path

import ase
import numpy as np
import numpy.typing as npt
from _report import write
from ase.constraints import FixInternals
from ase.optimize import BFGS
from ase.units import kcal, mol
from tblite.ase import TBLite

from relaxd.dft_bridge import TRAINING_LEVEL, single_point
from relaxd.relax import EnergyCache, Molecule, from_smiles, torsion_angles
from relaxd.relax._conformers import embed_conformers

MOLECULES = {"butane": ("CCCC", (0, 1, 2, 3)), "1-propanol": ("CCCO", (0, 1, 2, 3))}
ANGLES = np.arange(0.0, 181.0, 15.0)
FMAX = 0.01
"""eV/Angstrom."""


def energy(molecule: Molecule) -> float:
    """At the level of the training data, eV."""
    return single_point(molecule.to_atoms(), TRAINING_LEVEL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("runs/energies.jsonl"))
    arguments = parser.parse_args()
    energies = EnergyCache(arguments.cache, str(TRAINING_LEVEL), energy)
    scans = {}
    for name, (smiles, torsion) in MOLECULES.items():
        molecule = from_smiles(smiles, id=name)
        levels = []
        for angle in ANGLES:
            relaxed, gfn2 = constrained_minimum(molecule, torsion, angle)
            levels.append((energies(relaxed), gfn2))
            print(name, angle, levels[-1], flush=True)
        above = (np.array(levels) - np.min(levels, axis=0)) / (kcal / mol)
        scans[name] = {
            "torsion": torsion,
            "angles": ANGLES.tolist(),
            "b3lyp_kcal_mol": above[:, 0].tolist(),
            "gfn2_xtb_kcal_mol": above[:, 1].tolist(),
        }
    figures = {"level": str(TRAINING_LEVEL), "scans": scans}
    write("torsion_scans", figures, ("pyscf", "tblite", "ase"))


def constrained_minimum(
    molecule: Molecule, torsion: tuple[int, int, int, int], angle: float
) -> tuple[Molecule, float]:
    """The lowest that is found with the torsion at an angle, and its GFN2-xTB energy, eV."""
    found = []
    for start in starts(molecule, torsion, angle):
        atoms = molecule.with_positions(start).to_atoms()
        atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
        held = FixInternals(dihedrals_deg=[[angle % 360, list(torsion)]], epsilon=1e-6)
        atoms.set_constraint(held)
        BFGS(atoms, logfile=None).run(fmax=FMAX, steps=200)
        found.append((float(atoms.get_potential_energy()), atoms.positions))
    lowest, positions = min(found, key=lambda pair: pair[0])
    return molecule.with_positions(positions), lowest


def starts(
    molecule: Molecule, torsion: tuple[int, int, int, int], angle: float
) -> list[npt.NDArray[np.float64]]:
    """Of embedded conformers, the five that are nearest to the angle, turned to it."""
    embedded = embed_conformers(molecule, 60)
    # A mirror image has the opposite angle, and these molecules are not chiral.
    signs = np.sign(torsion_angles(embedded, torsion))
    embedded[signs < 0] *= [-1, 1, 1]
    off = np.abs(torsion_angles(embedded, torsion) - angle)
    turned = []
    for x in embedded[np.argsort(off)[:5]]:
        atoms = ase.Atoms(molecule.atomic_numbers, x)
        indices = side(molecule, torsion)
        atoms.set_dihedral(*torsion, angle, indices=indices)
        turned.append(atoms.positions)
    return turned


def side(molecule: Molecule, torsion: tuple[int, int, int, int]) -> list[int]:
    """Atoms that turn with the last one of a torsion."""
    reached, ahead = {torsion[1], torsion[2]}, [torsion[2]]
    while ahead:
        atom = molecule.rdmol.GetAtomWithIdx(ahead.pop())
        new = [n.GetIdx() for n in atom.GetNeighbors() if n.GetIdx() not in reached]
        reached.update(new)
        ahead += new
    return sorted(reached - {torsion[1]})


if __name__ == "__main__":
    main()
