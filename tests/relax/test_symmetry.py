"""The shipped model on real molecules: the symmetries of space, in single precision."""

import pytest
import torch

from relaxd.model import MoleculeBatch, collate, load_model
from relaxd.model.testing import assert_batch_matches_singles, assert_equivariant
from relaxd.relax import from_smiles

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CC(=O)OCC(N)C=O", "C1CC2CC1C2O"]


def make_batch(*smiles: str) -> MoleculeBatch:
    molecules = [from_smiles(text) for text in smiles]
    return collate(
        [torch.from_numpy(molecule.atomic_numbers) for molecule in molecules],
        [torch.from_numpy(molecule.positions).float() for molecule in molecules],
        [molecule.bonds for molecule in molecules],
    )


@pytest.mark.parametrize("smiles", SMILES)
@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_rotation_reflection_translation_permutation(smiles, sigma):
    torch.manual_seed(0)
    batch = make_batch(smiles)
    assert_equivariant(load_model().denoiser, batch, torch.tensor([sigma]), tolerance=1e-5)


def test_company_and_padding_do_not_matter():
    batch = make_batch(*SMILES)
    sigma = torch.full((len(SMILES),), 0.1)
    assert_batch_matches_singles(load_model().denoiser, batch, sigma, tolerance=1e-5)
