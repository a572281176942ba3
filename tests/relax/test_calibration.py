"""A model learns how good its geometries are."""

import numpy as np
import pytest
import torch

from relaxd.model import Denoiser, DenoiserConfig, load_model
from relaxd.model._weights import JUDGES
from relaxd.relax import Case, Relaxer, TooFewExamplesError, calibrate, from_smiles
from relaxd.relax._calibration import ERROR_RANGE, FEWEST, make_examples

SMILES = ["CCO", "CC(C)=O", "CC#N", "CCN", "COC"]


def cases(n):
    """Minima, and starts that are worse the larger their number."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(n):
        minimum = from_smiles(SMILES[index % len(SMILES)])
        scale = 0.002 * 50 ** (index / n)
        start = minimum.positions + rng.normal(scale=scale, size=minimum.positions.shape)
        found.append(Case(index, minimum.with_positions(start), minimum.positions))
    return found


@pytest.fixture
def idle():
    """A denoiser that leaves every geometry as it is."""
    torch.manual_seed(0)
    denoiser = Denoiser(DenoiserConfig(channels=16, n_layers=2, n_radial=6)).eval()
    return denoiser.requires_grad_(False)


def test_examples_hold_what_was_seen_and_what_came_of_it(idle):
    examples = make_examples(idle, cases(10))
    assert examples.features.shape == (10, 10, 16 + 2)
    assert examples.mask.sum(1).tolist() == [9, 10, 6, 10, 9] * 2
    errors = examples.log_error.exp()
    assert ERROR_RANGE[0] <= errors.min() < 0.1 < 1 < errors.max() <= ERROR_RANGE[1] * 1.001


def test_starts_of_other_basins_are_left_out(idle):
    (case,) = cases(1)
    far = case.minimum + np.linspace(0, 3, len(case.minimum))[:, None]
    examples = make_examples(idle, [case, Case(1, case.start.with_positions(far), case.minimum)])
    assert len(examples) == 1


def test_expected_errors_rank_molecules():
    """DFT minima, which the model goes to, are here and there nearer to those of MMFF94."""
    model = load_model()
    denoiser = model.denoiser
    weights = denoiser.state_dict()
    before = {name: t.clone() for name, t in weights.items() if not name.startswith(JUDGES)}
    figures = calibrate(denoiser, cases(200), epochs=30)
    assert figures["n_examples"] == 4 * figures["n_held_out"]
    assert figures["rank_correlation"] > 0.6
    for name, tensor in before.items():
        assert torch.equal(denoiser.state_dict()[name], tensor)
    assert denoiser.error_head.calibrated
    # What is unlike the five molecules is told from what is like them.
    usual, strange = from_smiles("CCO"), from_smiles("N#Cc1ccoc1")
    novelty = [Relaxer(model).relax_in_domain([m])[0] for m in (usual, strange)]
    assert [result.verdict.in_domain for result in novelty] == [True, False]


def test_too_few_molecules_are_refused(idle):
    with pytest.raises(TooFewExamplesError, match=f"a calibration needs {FEWEST}"):
        calibrate(idle, cases(20))
    assert not idle.error_head.calibrated


def test_what_is_unlike_the_training_is_left_to_gfn2_xtb():
    model = load_model()
    model.denoiser.novelty.usual.fill_(1e-9)
    model.denoiser.novelty.precision.copy_(torch.eye(model.denoiser.config.channels))
    verdict = Relaxer(model).relax("CCO").verdict
    assert (verdict.in_domain, verdict.method) == (False, "gfn2-xtb")
    assert verdict.expected_error_kcal_mol is None


def test_the_verdict_tells_the_expected_error():
    model = load_model()
    model.denoiser.error_head.calibrated.fill_(True)
    head = model.denoiser.error_head
    for line, expected in (([0.0, 0.0], 1.0), ([50.0, 0.0], 100.0)):
        head.calibration.copy_(torch.tensor(line))
        verdict = Relaxer(model).relax("CCO").verdict
        assert verdict.expected_error_kcal_mol == pytest.approx(expected, rel=1e-5)
    head.calibrated.fill_(False)
    assert Relaxer(model).relax("CCO").verdict.expected_error_kcal_mol is None
