"""What a model has learned, measured on models of which it is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from relaxd.model import Denoiser, DenoiserConfig, collate
from relaxd.relax import Case, from_smiles, gfn2_xtb, inspect_model, inspect_references, survey
from relaxd.relax._hessian_match import compare_hessians
from relaxd.relax._inspection import jacobian
from relaxd.relax._surface import Surface, internal_basis

SIGMAS = (0.002, 0.1)


@pytest.fixture(scope="module")
def case():
    """Methanol, whose minimum is that of another method than GFN2-xTB."""
    start = from_smiles("CO")
    minimum = gfn2_xtb(start).positions
    minimum[5] += 0.01 * (minimum[5] - minimum[1])
    return Case(0, start, minimum)


@pytest.fixture(scope="module")
def landscapes(case):
    return survey([case], SIGMAS)


class Quadratic:
    """Steps along the force of a harmonic well about the minimum of the landscape, to scale."""

    def __init__(self, landscape, scale):
        inside = landscape.basis
        positions = landscape.molecule.positions
        self.minimum = torch.from_numpy(positions - positions.mean(0)).ravel()
        self.matrix = scale * torch.from_numpy(inside @ landscape.hessian @ inside.T)

    def __call__(self, batch, sigma):
        x = batch.positions.flatten(1)
        return (x - (x - self.minimum) @ self.matrix).view(batch.positions.shape)


def untrained():
    """A denoiser that moves its input."""
    torch.manual_seed(0)
    denoiser = Denoiser(DenoiserConfig(channels=8, n_layers=2)).double().requires_grad_(False)
    torch.nn.init.normal_(denoiser.readout.weight)
    return denoiser


def medians(figures):
    return {name: f["median"] for name, f in figures.items() if name != "modes" and f}


def test_a_harmonic_score_is_the_force_and_its_jacobian_the_hessian(landscapes):
    (landscape,) = landscapes
    kt, sigma = 0.025, SIGMAS[0]
    figures = inspect_model(Quadratic(landscape, sigma**2 / kt), landscapes)
    first = medians(figures["first_order"][f"{sigma:g}"])
    # But for what is not harmonic.
    assert first["force"] == pytest.approx(1, abs=1e-3)
    assert first["kt"] == pytest.approx(kt, rel=0.01)
    assert first["minimum"] == pytest.approx(first["perfect"], abs=0.01)
    for level in figures["second_order"].values():
        found = medians(level)
        assert found["asymmetry"] == pytest.approx(0, abs=1e-9)
        assert found["rank_correlation"] == pytest.approx(1)
        assert found["soft_overlap"] == pytest.approx(1)
        assert found["similarity"] == pytest.approx(1)
        assert found["log10_condition"] == pytest.approx(0, abs=1e-6)
        modes = level["modes"]
        expected = np.array(modes["curvature"]) * sigma**2 / kt
        assert modes["taken_back"] == pytest.approx(expected)


def test_a_perfect_denoiser_finds_the_minimum_and_knows_no_hessian(landscapes):
    (landscape,) = landscapes
    well = Quadratic(replace(landscape, hessian=np.eye(len(landscape.hessian))), 1.0)
    figures = inspect_model(well, landscapes)
    for name in (f"{sigma:g}" for sigma in SIGMAS):
        first = medians(figures["first_order"][name])
        assert first["minimum"] == pytest.approx(1)
        assert first["moved"] == pytest.approx(1)
        assert first["force"] == pytest.approx(first["perfect"])
    # At so little noise, GFN2-xTB is harmonic: the way to the minimum is a Newton step.
    assert medians(figures["first_order"]["0.002"])["newton"] > 0.98
    second = medians(figures["second_order"]["0.1"])
    unit = medians(inspect_references(landscapes)["unit"])
    assert second["taken_back"] == pytest.approx(1)
    assert second["similarity"] == pytest.approx(unit["similarity"])
    assert second["log10_condition"] == pytest.approx(unit["log10_condition"])


def test_of_a_model_that_moves_nothing_there_is_nothing_to_compare(landscapes):
    figures = inspect_model(lambda batch, _: batch.positions * 1.0, landscapes)
    assert figures["first_order"]["0.1"]["force"] is None
    assert figures["first_order"]["0.1"]["moved"]["median"] == 0
    assert figures["second_order"]["0.1"]["rank_correlation"] is None
    assert figures["second_order"]["0.1"]["asymmetry"] is None


def test_mmff94_has_more_of_the_hessian_than_the_unit_matrix(landscapes):
    found = inspect_references(landscapes)
    mmff94, unit = medians(found["mmff94"]), medians(found["unit"])
    assert mmff94["rank_correlation"] > 0.9
    assert mmff94["similarity"] > unit["similarity"]
    assert mmff94["log10_condition"] < unit["log10_condition"]


def test_the_jacobian_agrees_with_finite_differences(case):
    molecule = case.start
    denoiser = untrained()
    found = jacobian(denoiser, molecule, 0.1)
    step = 1e-5
    column = 4

    def denoised(shift):
        positions = molecule.positions.copy()
        positions.ravel()[column] += shift
        numbers = torch.from_numpy(molecule.atomic_numbers)
        batch = collate([numbers], [torch.from_numpy(positions)], [molecule.bonds])
        return denoiser(batch, torch.tensor([0.1], dtype=torch.float64)).ravel()

    numeric = (denoised(step) - denoised(-step)) / (2 * step)
    np.testing.assert_allclose(found[:, column], numeric, atol=1e-7)


def test_figures_do_not_depend_on_where_the_molecule_lies(case, landscapes):
    turn = Rotation.random(random_state=1).as_matrix()
    denoiser = untrained()
    (landscape,) = landscapes
    moved = replace(
        landscape,
        molecule=landscape.molecule.with_positions(landscape.molecule.positions @ turn.T + 3.0),
        basis=np.kron(np.eye(len(landscape.molecule)), turn) @ landscape.basis,
        probes={
            name: replace(p, positions=p.positions @ turn.T + 3.0, forces=p.forces @ turn.T)
            for name, p in landscape.probes.items()
        },
    )
    here, there = (inspect_model(denoiser, [each]) for each in (landscape, moved))
    for order in ("first_order", "second_order"):
        for level, figures in here[order].items():
            assert medians(there[order][level]) == pytest.approx(medians(figures), abs=1e-6)


def test_the_surface_has_its_minimum_where_dft_has(case):
    molecule = case.start.with_positions(case.minimum)
    surface = Surface(molecule)
    assert np.abs(surface.forces(case.minimum)).max() < 1e-5
    small = np.random.default_rng(0).normal(0, 1e-3, case.minimum.shape)
    harmonic = -(surface.hessian() @ small.ravel()).reshape(-1, 3)
    np.testing.assert_allclose(surface.forces(case.minimum + small), harmonic, atol=2e-3)


@pytest.mark.parametrize(
    ("positions", "n_motions"),
    [
        (np.array([[0, 0, 0], [0.8, 0.6, 0], [-0.8, 0.6, 0]]), 3),
        (np.array([[0, 0, 0], [1.0, 1.0, 0], [-1.0, -1.0, 0]]), 4),
    ],
)
def test_internal_displacements_neither_shift_nor_turn(positions, n_motions):
    basis = internal_basis(positions)
    assert basis.shape == (9, n_motions)
    np.testing.assert_allclose(basis.T @ basis, np.eye(n_motions), atol=1e-12)
    displacements = basis.T.reshape(-1, 3, 3)
    np.testing.assert_allclose(displacements.sum(1), 0, atol=1e-12)
    np.testing.assert_allclose(np.cross(positions, displacements).sum(1), 0, atol=1e-12)


def test_likeness_does_not_depend_on_scale_and_sees_the_order_of_modes():
    rng = np.random.default_rng(0)
    modes = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    stiffness = np.logspace(0, 2, 12)
    hessian = (modes * stiffness) @ modes.T
    same = compare_hessians(1e-3 * hessian, hessian)
    assert same == pytest.approx(
        {"rank_correlation": 1, "soft_overlap": 1, "similarity": 1, "log10_condition": 0}, abs=1e-9
    )
    upside_down = compare_hessians((modes / stiffness) @ modes.T, hessian)
    assert upside_down["rank_correlation"] == pytest.approx(-1)
    assert upside_down["soft_overlap"] == pytest.approx(0, abs=1e-9)
    assert upside_down["log10_condition"] == pytest.approx(4)
    square_root = compare_hessians((modes * stiffness**0.5) @ modes.T, hessian)
    assert square_root["log10_condition"] == pytest.approx(1)
