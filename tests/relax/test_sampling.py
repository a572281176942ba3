import io

import ase.io
import numpy as np
import pytest
from ase.units import kB
from rdkit import Chem

from relaxd.relax import (
    BoltzmannSample,
    Molecule,
    MoleculeError,
    Relaxer,
    from_smiles,
    gfn2_xtb,
    superposed_rmsd,
    torsion_angles,
)
from relaxd.relax._force_field import KCAL_MOL
from relaxd.relax._gfn2 import gfn2_energies
from relaxd.relax._samples import truncated

GAUCHE = (30, 90)


@pytest.fixture(scope="module")
def relaxer() -> Relaxer:
    return Relaxer.load()


@pytest.fixture(scope="module")
def butane(relaxer: Relaxer) -> BoltzmannSample:
    return relaxer.sample("CCCC", 298.15, 300, seed=1)


def test_equipartition(relaxer: Relaxer) -> None:
    """Water is nearly harmonic: kT / 2 for each of its three coordinates."""
    sample = relaxer.sample("O", 298.15, 1500)
    lowest = gfn2_xtb(from_smiles("O"), fmax=1e-3).energy_ev
    (first,) = gfn2_energies(sample.molecule, sample.positions[:1])
    assert sample.energies_kcal_mol is not None
    above = sample.energies_kcal_mol + (first - lowest) / KCAL_MOL - sample.energies_kcal_mol[0]
    assert sample.effective_samples > 100
    assert sample.mean(above) * KCAL_MOL == pytest.approx(1.5 * kB * 298.15, rel=0.15)


def test_a_warmer_molecule_has_more_energy(relaxer: Relaxer, butane: BoltzmannSample) -> None:
    warm = relaxer.sample("CCCC", 600.0, 300, seed=1)

    def deviation(sample: BoltzmannSample) -> float:
        energies = sample.energies_kcal_mol
        assert energies is not None
        return float(np.sqrt(sample.mean((energies - sample.mean(energies)) ** 2)))

    assert deviation(warm) > 1.3 * deviation(butane)


def test_butane_has_two_conformers(butane: BoltzmannSample) -> None:
    """CREST and others count gauche and its mirror image as one, and so does this."""
    angles = np.abs(torsion_angles(butane.positions, butane.torsions[0].atoms))
    gauche = butane.weights[(angles > GAUCHE[0]) & (angles < GAUCHE[1])].sum()
    assert 0.2 < gauche < 0.6
    main = [c for c in butane.conformers if c.population > 0.02]
    assert len(main) == 2
    dihedrals = sorted(
        abs(float(torsion_angles(c.positions, butane.torsions[0].atoms))) for c in main
    )
    assert dihedrals[0] == pytest.approx(65, abs=6)
    assert dihedrals[1] == pytest.approx(180, abs=3)


def test_conformers_are_minima_of_the_model(relaxer: Relaxer, butane: BoltzmannSample) -> None:
    for conformer in butane.conformers[:2]:
        molecule = butane.molecule.with_positions(conformer.positions)
        (again,) = relaxer.relax_in_domain([molecule])
        assert superposed_rmsd(again.positions, conformer.positions) < 0.05


def test_parts_add_up(butane: BoltzmannSample) -> None:
    assert len(butane) == 300
    assert butane.positions.shape == (300, 14, 3)
    assert butane.weights.sum() == pytest.approx(1)
    assert sum(c.population for c in butane.conformers) == pytest.approx(1)
    for row, conformer in enumerate(butane.conformers):
        share = butane.weights[butane.conformer_of == row].sum()
        assert share == pytest.approx(conformer.population)
    assert [c.population for c in butane.conformers] == sorted(
        (c.population for c in butane.conformers), reverse=True
    )
    for torsion in butane.torsions:
        assert torsion.shares.sum() == pytest.approx(1)
    # That of the weights before the largest were cut down.
    assert butane.effective_samples <= 1 / np.sum(butane.weights**2) + 1e-9
    assert 15 < butane.effective_samples < 300
    assert butane.weighed_by == "gfn2-xtb"
    assert butane.energies_kcal_mol is not None
    assert butane.energies_kcal_mol.min() == 0


def test_wild_weights_are_cut_down() -> None:
    even, wild = np.full(100, 0.01), np.array([0.5, *[0.5 / 99] * 99])
    np.testing.assert_allclose(truncated(even), even)
    cut = truncated(wild)
    assert cut.sum() == pytest.approx(1)
    assert cut[0] == pytest.approx(0.1 / 0.6)
    np.testing.assert_allclose(cut[1:], cut[1])


def test_weights_are_those_of_the_energy(butane: BoltzmannSample) -> None:
    energies = np.array(list(gfn2_energies(butane.molecule, butane.positions[:5])))
    assert butane.energies_kcal_mol is not None
    np.testing.assert_allclose(
        np.diff(energies) / KCAL_MOL, np.diff(butane.energies_kcal_mol[:5]), atol=1e-4
    )


def test_the_same_seed_gives_the_same(relaxer: Relaxer) -> None:
    first, again, other = (relaxer.sample("CCO", 298.15, 20, seed=seed) for seed in (3, 3, 4))
    # But for rounding, which depends on how many threads share a sum.
    np.testing.assert_allclose(first.positions, again.positions, atol=1e-5)
    np.testing.assert_allclose(first.weights, again.weights, rtol=1e-3, atol=1e-6)
    assert not np.allclose(first.positions, other.positions)


def test_without_weights(relaxer: Relaxer) -> None:
    sample = relaxer.sample("CCO", 298.15, 40, reweight=False)
    np.testing.assert_allclose(sample.weights, 1 / 40)
    assert sample.energies_kcal_mol is None
    assert sample.weighed_by is None
    energies = np.array(list(gfn2_energies(sample.molecule, sample.positions)))
    minima = np.array([c.positions for c in sample.conformers])[sample.conformer_of]
    above = energies - np.array(list(gfn2_energies(sample.molecule, minima)))
    # Equipartition, by another energy than the noise was made from.
    assert above.mean() == pytest.approx(21 / 2 * kB * 298.15, rel=0.25)


def test_stereocentres_stay(relaxer: Relaxer) -> None:
    sample = relaxer.sample("C[C@H](N)C(=O)O", 298.15, 30)
    for record in sample.to_sdf().split("$$$$\n")[:-1]:
        mol = Chem.MolFromMolBlock(record, removeHs=False)
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.FindMolChiralCenters(mol, useLegacyImplementation=False) == [(1, "S")]


def test_progress_is_told_and_may_end_it(relaxer: Relaxer) -> None:
    told: list[tuple[int, int]] = []
    relaxer.sample("CCO", 298.15, 30, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (60, 60)

    def enough(done: int, total: int) -> None:
        if done >= 35:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relaxer.sample("CCO", 298.15, 30, progress=enough)


@pytest.mark.parametrize(
    ("molecule", "code"),
    [
        ("CCCl", "out-of-domain"),
        ("C#C", "linear-molecule"),
        ("[O-]C=O", "out-of-domain"),
        (from_smiles("CCO", frozen=[0]), "frozen-conformers"),
        (Molecule(from_smiles("CCO").atomic_numbers, from_smiles("CCO").positions), "no-bonds"),
    ],
)
def test_what_cannot_be_sampled(relaxer: Relaxer, molecule: object, code: str) -> None:
    with pytest.raises(MoleculeError) as caught:
        relaxer.sample(molecule, 298.15, 10)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_files_hold_every_geometry(butane: BoltzmannSample) -> None:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(butane.to_sdf(), removeHs=False)
    weights = [float(mol.GetProp("weight")) for mol in supplier]
    np.testing.assert_allclose(weights, butane.weights, rtol=1e-5)
    file = io.StringIO()
    ase.io.write(file, butane.to_atoms(), format="extxyz")
    file.seek(0)
    frames = ase.io.read(file, ":", format="extxyz")
    assert len(frames) == len(butane)
    assert frames[7].info["weight"] == pytest.approx(butane.weights[7])
    assert frames[7].info["conformer"] == butane.conformer_of[7]
    assert frames[7].info["temperature"] == 298.15
    np.testing.assert_allclose(frames[7].positions, butane.positions[7], atol=1e-6)
