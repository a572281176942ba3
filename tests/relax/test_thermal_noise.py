import numpy as np
import pytest
from ase.units import kB

from relaxd.relax import MoleculeError, from_smiles
from relaxd.relax._internal_coordinates import InternalCoordinates
from relaxd.relax._thermal_noise import FIRM, Spread, ThermalNoise, thermal_noise


def about(smiles: str, temperature: float, spread: Spread | None = None) -> ThermalNoise:
    molecule = from_smiles(smiles)
    internal = InternalCoordinates(molecule, molecule.positions[None])
    coordinates, _ = internal.from_positions(molecule.positions)
    return thermal_noise(molecule, internal, coordinates, temperature, spread or Spread.raw())


def of_width(width: float, wide_share: float = 0.0) -> ThermalNoise:
    narrow = np.array([width, 2 * width])
    return ThermalNoise(
        modes=np.eye(2),
        curvatures=kB * 298.15 / narrow**2,
        narrow=narrow,
        wide=2 * narrow,
        wide_share=wide_share,
        methyl_torsions=np.array([], dtype=np.int64),
        concentrations=np.empty(0),
    )


def of_methyl(concentration: float) -> ThermalNoise:
    still = np.full(1, 1e-3)
    return ThermalNoise(
        modes=np.eye(1),
        curvatures=np.ones(1),
        narrow=still,
        wide=still,
        wide_share=0.0,
        methyl_torsions=np.array([0]),
        concentrations=np.array([concentration]),
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (of_width(1.0), of_width(0.8)),
        (of_width(1.0, wide_share=0.3), of_width(1.0)),
        (of_width(1.0, wide_share=0.3), of_width(1.2, wide_share=0.1)),
        (of_methyl(2.0), of_methyl(0.5)),
        (of_methyl(0.0), of_methyl(30.0)),
    ],
)
def test_what_is_drawn_has_the_density_that_is_told(
    first: ThermalNoise, second: ThermalNoise
) -> None:
    """The mean ratio of two densities is one under the lower of the ratio."""
    drawn = first.draw(200_000, np.random.default_rng(0))
    ratios = np.exp(second.log_density(drawn) - first.log_density(drawn))
    assert ratios.mean() == pytest.approx(1, abs=0.02)


def test_far_displacements_have_a_finite_density() -> None:
    far = np.full((1, 2), 1e4)
    assert np.isfinite(of_width(1e-3, wide_share=0.1).log_density(far)).all()


def test_energies_are_those_of_the_temperature() -> None:
    """By the force field's own quadratic form, kT / 2 a coordinate."""
    cold, warm = about("O", 100.0), about("O", 300.0)
    drawn = warm.draw(50_000, np.random.default_rng(1)) @ warm.modes
    curvatures = kB * 100.0 / cold.narrow**2
    energies = 0.5 * (drawn**2 * curvatures).mean(0)
    np.testing.assert_allclose(energies, kB * 300.0 / 2, rtol=0.03)


def test_water_is_as_stiff_as_its_force_field() -> None:
    # Harmonic MMFF94 stretches of 7.1 to 7.2 mdyn/Angstrom, 45 eV/Angstrom^2.
    noise = about("O", 298.15)
    stiffest = kB * 298.15 / noise.narrow.min() ** 2
    assert 40 < stiffest < 60


def test_noise_that_is_weighed_is_wider() -> None:
    raw, weighed = about("CCO", 298.15), about("CCO", 298.15, Spread())
    np.testing.assert_allclose(weighed.narrow, raw.narrow * Spread().factor ** 0.5)
    soft = raw.wide > raw.narrow
    assert 3 < soft.sum() < len(soft)
    assert (raw.wide_share, weighed.wide_share) == (0.0, Spread().wide_share)


def test_a_methyl_group_visits_three_equal_wells() -> None:
    drawn = of_methyl(5.0).draw(30_000, np.random.default_rng(2))[:, 0]
    wells, counts = np.unique(np.round(drawn * 3 / (2 * np.pi)).astype(int) % 3, return_counts=True)
    assert wells.tolist() == [0, 1, 2]
    np.testing.assert_allclose(counts, 10_000, rtol=0.05)
    # The curvature of the well: kappa * 3^2 kT, so a variance of 1 / (9 kappa) and a little more.
    within = np.angle(np.exp(3j * drawn)) / 3
    assert within.var() == pytest.approx(1 / (9 * 5.0), rel=0.2)


def test_a_newton_step_ends_where_the_slope_does() -> None:
    noise = about("CCO", 298.15)
    rng = np.random.default_rng(3)
    away = rng.normal(0, 0.01, len(noise.modes))
    away[noise.methyl_torsions] = 0
    hessian = (noise.modes * noise.curvatures) @ noise.modes.T
    soft = noise.curvatures < FIRM
    left = (away + noise.newton_step(hessian @ away)) @ noise.modes
    np.testing.assert_allclose(left[~soft], 0, atol=1e-12)
    # Along soft directions it goes part of the way only.
    assert (np.abs(left[soft]) < np.abs((away @ noise.modes)[soft])).all()


def test_a_slope_along_a_methyl_torsion_moves_nothing() -> None:
    np.testing.assert_array_equal(of_methyl(1.0).newton_step(np.ones(1)), 0)


def test_a_force_field_is_needed() -> None:
    molecule = from_smiles("O")
    internal = InternalCoordinates(molecule, molecule.positions[None])
    coordinates, _ = internal.from_positions(molecule.positions)
    strange = from_smiles("[Xe](F)F", id="xenon")
    with pytest.raises(MoleculeError, match="xenon") as caught:
        thermal_noise(strange, internal, coordinates, 300.0, Spread())
    assert caught.value.code == "no-force-field"
