"""OneDNN's products are used where they give what torch's usual ones do, and nowhere else."""

import pytest
import torch
from tests.model.networks import apart, clouds

from relaxd.model import load_model, with_onednn
from relaxd.model._compiled import LARGEST_DEVIATION
from relaxd.model._onednn import FEWEST_PAIRS, _onednn

PRODUCTS = torch.backends.mkldnn.matmul


@pytest.mark.parametrize("shape", [(1, 9), (100, 9)])
def test_large_and_small_batches_come_out_as_they_did(shape):
    model = load_model()
    describe = with_onednn(model.denoiser.describe)
    assert apart(describe, model, clouds(*shape)) < LARGEST_DEVIATION


def test_only_large_batches_turn_the_switch():
    seen = []

    def describe(batch, _):
        seen.append(PRODUCTS.fp32_precision)
        return batch.positions, batch.positions

    before = PRODUCTS.fp32_precision
    faster = with_onednn(describe)
    seen.clear()
    for n_molecules in (1, FEWEST_PAIRS // 9**2 + 1):
        faster(clouds(n_molecules, 9), torch.ones(n_molecules))
    assert seen == [before, "bf16"]
    assert PRODUCTS.fp32_precision == before


@pytest.mark.parametrize("error", [0.001, torch.nan])
def test_a_network_that_comes_out_otherwise_is_left_as_it_is(error):
    def describe(batch, _):
        apart = error if PRODUCTS.fp32_precision == "bf16" else 0.0
        return batch.positions, batch.positions + apart

    assert with_onednn(describe) is describe


def test_the_last_to_leave_puts_the_switch_back():
    before = PRODUCTS.fp32_precision
    first, second = _onednn(), _onednn()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert PRODUCTS.fp32_precision == "bf16"
    second.__exit__(None, None, None)
    assert PRODUCTS.fp32_precision == before


def test_a_network_that_fails_puts_it_back_too():
    before = PRODUCTS.fp32_precision
    with pytest.raises(RuntimeError), _onednn():
        raise RuntimeError
    assert PRODUCTS.fp32_precision == before
