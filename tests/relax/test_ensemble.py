"""The lowest conformers of a molecule, by the shipped model."""

import numpy as np
import pytest

from relaxd.relax import (
    MoleculeError,
    Relaxer,
    conformer_starts,
    connectivity_kept,
    embed_conformers,
    from_arrays,
    from_smiles,
    gfn2_xtb,
    rank_conformers,
    stereo_kept,
)
from relaxd.relax._force_field import KCAL_MOL


@pytest.fixture(scope="module")
def relaxer():
    return Relaxer.load()


def test_pentane_has_the_conformers_of_textbooks(relaxer) -> None:
    """Energies at CCSD(T): 0.61 kcal/mol for one gauche, doi 10.1021/jp809639s."""
    ensemble = relaxer.conformers("CCCCC", 30, keep=10)
    energies = [c.relative_energy_kcal_mol for c in ensemble.conformers]
    assert (ensemble.n_found, len(ensemble.conformers), ensemble.ranked_by) == (4, 4, "gfn2-xtb")
    assert energies == sorted(energies)
    assert energies[:2] == pytest.approx([0.0, 0.61], abs=0.2)
    chain = ensemble.lowest.positions[:5]
    assert np.linalg.norm(chain[0] - chain[4]) == pytest.approx(5.1, abs=0.1)  # all anti
    populations = [c.population for c in ensemble.conformers]
    assert sum(populations) == pytest.approx(1.0)
    assert populations[1] > populations[0]  # four ways to have one gauche
    assert populations[1] / populations[0] == pytest.approx(
        4 * np.exp(-energies[1] / 0.592484), rel=1e-3
    )


def test_keeps_the_lowest_of_all_found(relaxer) -> None:
    several, one = (relaxer.conformers("CCCO", 30, keep=keep) for keep in (3, 1))
    assert [len(several.conformers), len(one.conformers)] == [3, 1]
    assert several.n_found == one.n_found > 3
    assert sum(c.population for c in several.conformers) < 1.0
    assert np.array_equal(one.lowest.positions, several.conformers[0].relaxed.positions)


def test_every_conformer_is_the_molecule(relaxer) -> None:
    molecule = from_smiles("C[C@H](N)C(=O)O", id="alanine")
    ensemble = relaxer.conformers(molecule, 20, keep=20)
    for conformer in ensemble.conformers:
        positions = conformer.relaxed.positions
        assert stereo_kept(molecule, positions)
        assert connectivity_kept(molecule, positions)
        assert conformer.molecule.id == "alanine"


def test_low_energies_are_those_of_gfn2_xtb(relaxer) -> None:
    """Of relaxed geometries; at GFN2-xTB's own minima they hardly differ."""
    ensemble = relaxer.conformers("NCC(=O)O", 20, keep=2)
    lowest, second = (
        gfn2_xtb(c.molecule.with_positions(c.relaxed.positions)) for c in ensemble.conformers
    )
    gap = (second.energy_ev - lowest.energy_ev) / KCAL_MOL
    assert gap == pytest.approx(ensemble.conformers[1].relative_energy_kcal_mol, abs=0.5)


def test_starts_that_lead_to_one_minimum_are_relaxed_once(relaxer) -> None:
    molecule = from_smiles("CCCO")
    starts = conformer_starts(molecule, 40)
    assert np.array_equal(starts[0].positions, molecule.positions)
    assert len(starts) < 10
    every = relaxer.relax_batch(
        [molecule.with_positions(x) for x in embed_conformers(molecule, 40)]
    )
    found, expected = rank_conformers(relaxer.relax_batch(starts), 40), rank_conformers(every, 40)
    energies = [[c.relative_energy_kcal_mol for c in e.conformers] for e in (found, expected)]
    assert energies[0] == pytest.approx(energies[1], abs=0.01)


def test_outside_the_domain_gfn2_xtb_relaxes(relaxer) -> None:
    ensemble = relaxer.conformers("CCC[NH3+]", 20, keep=5)
    assert ensemble.n_found == 2
    assert {c.relaxed.verdict.method for c in ensemble.conformers} == {"gfn2-xtb"}


def test_a_broken_molecule_stands_for_itself_only_alone(relaxer) -> None:
    ethanol = from_smiles("CCO")
    broken = relaxer.relax(ethanol)
    broken.positions[8] += 5.0
    object.__setattr__(broken.verdict, "connectivity_kept", False)
    whole = relaxer.relax(ethanol)
    assert rank_conformers([broken, whole], 5).conformers[0].relaxed is whole
    assert rank_conformers([broken, broken], 5).n_found == 1


def test_records_have_energy_and_population(relaxer) -> None:
    conformer = relaxer.conformers("CCO", 30, keep=2).conformers[1]
    text = conformer.to_sdf()
    for name in ("relative_energy_kcal_mol", "population", "ranked_by", "method"):
        assert f"<{name}>" in text
    info = conformer.to_atoms().info
    assert info["relative_energy_kcal_mol"] > 0
    assert 0 < info["population"] < 1
    assert (info["ranked_by"], info["method"]) == ("gfn2-xtb", "diffusion")


def test_bonds_are_needed(relaxer) -> None:
    with pytest.raises(MoleculeError) as caught:
        relaxer.conformers(from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]], multiplicity=6), 5)
    assert caught.value.code == "no-bonds"
