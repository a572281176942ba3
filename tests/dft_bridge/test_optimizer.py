"""The optimiser on surfaces that cost nothing: GFN1-xTB in the place of DFT."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from ase.optimize import BFGS
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolTransforms
from tblite.ase import TBLite
from tests.dft_bridge.surfaces import Gfn1Xtb, Mmff94, optimize, optimizer, rotation

from relaxd.dft_bridge import Point
from relaxd.dft_bridge._low_level import Gfn2Xtb
from relaxd.dft_bridge._optimizer import NOISE, Criteria
from relaxd.dft_bridge._surrogate import largest


def water_dimer():
    first, second = molecule("H2O"), molecule("H2O")
    second.rotate(50, "x")
    second.translate([0.4, 0.2, 2.9])
    return first + second


STARTS = {
    "ethanol": molecule("CH3CH2OH"),
    "peroxide": molecule("H2O2"),
    "acetylene": molecule("C2H2"),
    "carbon dioxide": molecule("CO2"),
    "benzene": molecule("C6H6"),
    "hydrogen": molecule("H2"),
    "water dimer": water_dimer(),
}


def start(name):
    atoms = STARTS[name].copy()
    atoms.rattle(0.05, seed=3)
    return atoms


@pytest.mark.parametrize("knows", ["gfn2-xtb", "model"])
@pytest.mark.parametrize("name", STARTS)
def test_it_ends_in_the_minimum(name, knows):
    """The reference is ASE's BFGS, to a hundredth of the criterion."""
    atoms = start(name)
    low_level = Gfn2Xtb(atoms.numbers) if knows == "gfn2-xtb" else None
    found, _ = optimize(atoms, Gfn1Xtb(atoms.numbers), low_level)
    assert found.converged
    assert not found.best.coarse
    reference = atoms.copy()
    reference.positions = found.best.positions
    reference.calc = TBLite(method="GFN1-xTB", verbosity=0, accuracy=0.1)
    assert largest(reference.get_forces()) < Criteria().max_gradient
    before = reference.get_potential_energy()
    BFGS(reference, logfile=None).run(fmax=2e-4, steps=300)
    # 4e-5 Hartree; the dimer is held by a single soft bond.
    assert before - reference.get_potential_energy() < 1e-3


def test_the_low_level_saves_gradients():
    counts = {}
    for knows in ("gfn2-xtb", "model"):
        counts[knows] = 0
        for name in ("ethanol", "peroxide", "benzene"):
            atoms = start(name)
            low_level = Gfn2Xtb(atoms.numbers) if knows == "gfn2-xtb" else None
            counts[knows] += len(optimize(atoms, Gfn1Xtb(atoms.numbers), low_level)[1])
    assert counts["gfn2-xtb"] < 0.7 * counts["model"]


def test_a_soft_torsion_does_not_lead_astray():
    """An alkyne, its alcohol turned by 25 degrees, on a surface unlike GFN2-xTB.

    A secant correction took fifteen gradients; coordinates that are not those of the turned
    molecule are another way to lose one's way here.
    """
    rdmol = Chem.AddHs(Chem.MolFromSmiles("C#CC1OC1CO"))
    rdDistGeom.EmbedMolecule(rdmol, randomSeed=1)
    rdForceFieldHelpers.MMFFOptimizeMolecule(rdmol, maxIters=2000)
    conformer, torsion = rdmol.GetConformer(), (2, 4, 5, 6)
    angle = rdMolTransforms.GetDihedralDeg(conformer, *torsion)
    rdMolTransforms.SetDihedralDeg(conformer, *torsion, angle + 25)
    atoms = ase.Atoms(
        [atom.GetSymbol() for atom in rdmol.GetAtoms()], conformer.GetPositions() @ rotation().T
    )
    found, points = optimize(atoms, Mmff94(rdmol), Gfn2Xtb(atoms.numbers), near=True)
    assert found.converged
    assert len(points) <= 9


def test_at_the_minimum_one_fine_point_follows_a_coarse_one():
    atoms = start("ethanol")
    target, low_level = Gfn1Xtb(atoms.numbers), Gfn2Xtb(atoms.numbers)
    atoms.positions = optimize(atoms, target, low_level)[0].best.positions
    found, points = optimize(atoms, target, low_level)
    assert found.converged
    assert [point.coarse for point in points] == [True, False]


def test_at_the_minimum_one_fine_point_is_enough_for_what_is_near():
    atoms = start("ethanol")
    target, low_level = Gfn1Xtb(atoms.numbers), Gfn2Xtb(atoms.numbers)
    atoms.positions = optimize(atoms, target, low_level)[0].best.positions
    found, points = optimize(atoms, target, low_level, near=True)
    assert found.converged
    assert [point.coarse for point in points] == [False]


def test_frozen_atoms_stay_and_their_forces_do_not_count():
    atoms = start("ethanol")
    found, _ = optimize(atoms, Gfn1Xtb(atoms.numbers), Gfn2Xtb(atoms.numbers), frozen=(0, 5))
    assert found.converged
    np.testing.assert_array_equal(found.best.positions[[0, 5]], atoms.positions[[0, 5]])
    assert largest(found.best.gradient[[0, 5]]) > Criteria().max_gradient
    moved = np.delete(np.arange(len(atoms)), [0, 5])
    assert largest(found.best.gradient[moved]) < Criteria().max_gradient


def test_a_single_atom_is_relaxed():
    atom = ase.Atoms("He", [[1.0, 2.0, 3.0]])
    found, points = optimize(atom, lambda x: (-1.0, np.zeros_like(x)), None)
    assert found.converged
    assert len(points) == 2


def test_it_goes_back_from_a_point_that_lies_higher():
    atoms = start("ethanol")
    target = Gfn1Xtb(atoms.numbers)
    found = optimizer(atoms, Gfn2Xtb(atoms.numbers))
    energy, gradient = target(atoms.positions)
    found.tell(Point(atoms.positions, energy, gradient, True))
    wanted = found.positions
    found.tell(Point(wanted, energy + 1.0, target(wanted)[1], True))
    assert found.best.energy == energy
    np.testing.assert_array_equal(found.best.positions, atoms.positions)
    assert largest(found.positions - atoms.positions) < 0.6 * largest(wanted - atoms.positions)


def test_the_best_point_is_the_lowest_fine_one():
    atoms = start("peroxide")
    found, points = optimize(atoms, Gfn1Xtb(atoms.numbers), None)
    lowest = min(point.energy for point in points if not point.coarse)
    assert found.best.energy <= lowest + NOISE


def test_points_told_again_lead_to_the_same_place():
    """How a journal is taken up: the points are facts, whoever computed them."""
    atoms = start("ethanol")
    first, points = optimize(atoms, Gfn1Xtb(atoms.numbers), Gfn2Xtb(atoms.numbers))
    again = optimizer(atoms, Gfn2Xtb(atoms.numbers))
    for point in points:
        assert not again.converged
        again.tell(point)
    assert again.converged
    assert again.best is first.best


class TestCriteria:
    criteria = Criteria()
    small, large = np.full((3, 3), 1e-5), np.full((3, 3), 1.0)

    def test_all_small(self):
        assert self.criteria.hold(self.small, self.small, -1e-8)

    @pytest.mark.parametrize(("gradient", "change"), [(large, 0.0), (small, -1e-3), (small, 1e-3)])
    def test_neither_gradient_nor_energy_may_be_large(self, gradient, change):
        assert not self.criteria.hold(gradient, self.small, change)

    def test_a_long_step_needs_a_flatter_gradient(self):
        middling = np.zeros((9, 3))
        middling[0, 0] = (self.criteria.max_gradient + self.criteria.flat_gradient) / 2
        assert self.criteria.hold(middling, np.zeros((9, 3)), 0.0)
        assert not self.criteria.hold(middling, np.ones((9, 3)), 0.0)
        assert self.criteria.hold(middling / 2, np.ones((9, 3)), 0.0)

    def test_a_flat_gradient_will_do_where_the_last_step_changed_nothing(self):
        long = np.ones((9, 3))
        flat = np.zeros((9, 3))
        flat[0, 0] = self.criteria.flat_gradient / 2
        assert not self.criteria.hold(flat, long, -1e-3)
        assert not self.criteria.hold(flat, long, -1e-3, made=-1e-3)
        assert self.criteria.hold(flat, long, -1e-3, made=self.criteria.energy / 2)
        steep = flat * 3
        assert not self.criteria.hold(steep, long, -1e-3, made=0.0)
