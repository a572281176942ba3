"""Energies and minima are found again in their file; basins are told apart by minima."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.units import kcal, mol

from relaxd.relax import Case, EnergyCache, Minimum, MinimumCache, Molecule, evaluate_basins
from relaxd.relax import from_smiles as read

WATER = read("O", id="water")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cache.jsonl"


def shaken(molecule: Molecule, scale: float) -> Molecule:
    noise = np.random.default_rng(0).normal(scale=scale, size=(len(molecule), 3))
    return molecule.with_positions(molecule.positions + noise)


def test_each_geometry_is_computed_once(path: Path) -> None:
    calls: list[Molecule] = []

    def energy(molecule: Molecule) -> float:
        calls.append(molecule)
        return -float(len(calls))

    energies = EnergyCache(path, "a/b", energy)
    assert [energies(WATER), energies(shaken(WATER, 0.1)), energies(WATER)] == [-1, -2, -1]
    assert EnergyCache(path, "a/b", energy)(shaken(WATER, 1e-6)) == -1
    assert EnergyCache(path, "c/d", energy)(WATER) == -3


def test_minima_and_energies_share_a_file(path: Path) -> None:
    lowest = shaken(WATER, 0.2).positions
    minima = MinimumCache(path, "a/b", lambda molecule: Minimum(lowest, 0.5))
    energies = EnergyCache(path, "a/b", lambda molecule: -7.0)
    assert (minima(WATER).drop, energies(WATER)) == (0.5, -7.0)

    def never(molecule: Molecule) -> Minimum:
        raise AssertionError

    again = MinimumCache(path, "a/b", never)(WATER)
    np.testing.assert_array_equal(again.positions, lowest)
    assert again.drop == 0.5
    assert EnergyCache(path, "a/b", lambda molecule: 0.0)(WATER) == -7.0
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 2


def test_a_geometry_of_another_basin_is_judged_by_its_own_minimum(path: Path) -> None:
    cases = [Case(number, WATER, WATER.positions) for number in range(4)]
    geometries = [shaken(WATER, scale).positions for scale in (0.01, 0.1, 0.2, 0.3)]
    errors = [0.2, 3.0, 5.0, 0.9]  # kcal/mol
    ends = {1: WATER.positions, 2: shaken(WATER, 0.5).positions}
    relaxed: list[int] = []

    def relax(molecule: Molecule) -> Minimum:
        (row,) = [i for i, x in enumerate(geometries) if np.array_equal(x, molecule.positions)]
        relaxed.append(row)
        return Minimum(ends[row], errors[row] * 0.9 * kcal / mol)

    found = evaluate_basins(cases, geometries, errors, MinimumCache(path, "a/b", relax))
    assert relaxed == [1, 2]  # the others lie too low to doubt
    assert found["wrong_basin"] == 0.25
    assert [entry["same_basin"] for entry in found["relaxed"]] == [True, False]
    assert found["relaxed"][1]["above_reference_kcal_mol"] == pytest.approx(0.5)
    assert found["energy_error_kcal_mol"]["mean"] == pytest.approx((0.2 + 3.0 + 4.5 + 0.9) / 4)
