"""Does the model carry over to molecules larger than any it was trained on?

QM9 ends at nine heavy atoms. For known molecules of eleven and more, from their SMILES, this
compares the B3LYP/6-31G(2df,p) energies of the MMFF94, GFN2-xTB and relaxd geometries; GFN2-xTB
and relaxd both start from the MMFF94 one. No DFT minimum is needed to say which lies lower. An SCF
takes some minutes: energies are kept in a file, and a run that was stopped goes on.
"""

import argparse
from pathlib import Path

from _report import write
from ase.units import kcal, mol

from relaxd.dft_bridge import TRAINING_LEVEL, single_point
from relaxd.relax import EnergyCache, Molecule, Relaxer, from_smiles, gfn2_xtb

MOLECULES = {
    "vanillin": "COc1cc(C=O)ccc1O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "dopamine": "NCCc1ccc(O)c(O)c1",
    "vitamin-c": "OC[C@H](O)[C@H]1OC(=O)C(O)=C1O",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
}


def energy(molecule: Molecule) -> float:
    """At the level of the training data, eV."""
    return single_point(molecule.to_atoms(), TRAINING_LEVEL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=int, default=len(MOLECULES))
    parser.add_argument("--cache", type=Path, default=Path("runs/energies.jsonl"))
    arguments = parser.parse_args()
    energies = EnergyCache(arguments.cache, str(TRAINING_LEVEL), energy)
    relaxer = Relaxer.load()
    rows = {}
    for name, smiles in list(MOLECULES.items())[: arguments.molecules]:
        start = from_smiles(smiles, id=name)
        relaxed = relaxer.relax_in_domain([start])[0]
        found = {
            "mmff94": start.positions,
            "gfn2-xtb": gfn2_xtb(start).positions,
            "relaxd": relaxed.positions,
        }
        levels = {method: energies(start.with_positions(x)) for method, x in found.items()}
        above = {method: (e - levels["gfn2-xtb"]) / (kcal / mol) for method, e in levels.items()}
        rows[name] = {"n_atoms": len(start), "kcal_mol_above_gfn2_xtb_geometry": above}
        print(f"{name:14s}", *(f"{method} {e:8.3f}" for method, e in above.items()), flush=True)
    figures = {"level": str(TRAINING_LEVEL), "sha256": relaxer.model.sha256, "molecules": rows}
    write("larger_molecules", figures, ("pyscf", "tblite", "torch", "rdkit"))


if __name__ == "__main__":
    main()
