"""Exports a network and compiles it, in a process of its own.

    python -m relaxd.model._exporting WEIGHTS THREADS PACKAGE

The compiler takes more memory than all the rest of relaxd, and gives it back at the end.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from ._batch import MoleculeBatch
from ._compiled import FEWEST_ATOMS, example, tensors
from ._denoiser import Denoiser
from ._weights import load_model

OPTIONS = {"realize_opcount_threshold": 4}
"""Of the compiler. What takes more operations and is used twice is stored, not computed again: a
root for each element of a product made batches a tenth slower."""


class Described(nn.Module):
    """The network as a function of tensors."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(
        self, atomic_numbers: Tensor, positions: Tensor, bond_orders: Tensor, sigma: Tensor
    ) -> tuple[Tensor, Tensor]:
        batch = MoleculeBatch(atomic_numbers, positions, bond_orders)
        return self.denoiser.describe(batch, sigma)


def compile_network(weights: Path, threads: int, package: Path) -> None:
    """Compiles the network of a file of weights for so many threads, into a package."""
    torch.set_num_threads(threads)
    network = Described(load_model(weights).denoiser)
    molecules, atoms = torch.export.Dim("molecules"), torch.export.Dim("atoms", min=FEWEST_ATOMS)
    shapes = (
        {0: molecules, 1: atoms},
        {0: molecules, 1: atoms},
        {0: molecules, 1: atoms, 2: atoms},
        {0: molecules},
    )
    batch, sigma = example()
    with torch.no_grad():
        exported = torch.export.export(network, tensors(batch, sigma), dynamic_shapes=shapes)
    partial = package.with_suffix(".partial.pt2")
    torch._inductor.aoti_compile_and_package(
        exported, package_path=str(partial), inductor_configs=OPTIONS
    )
    partial.replace(package)


if __name__ == "__main__":
    compile_network(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
