"""Matrix products by oneDNN, which uses AVX-512 on processors where torch's usual library does not.

On AMD's, MKL leaves it unused: there a large batch goes through the network in two thirds of the
time. torch has one switch that leads single-precision products to oneDNN, and it is the leave to
compute them in bf16. With AVX-512 alone oneDNN makes no use of that leave; where it does, as with
AMX, the network gives other results and is left as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch
from torch import Tensor

from ._batch import MoleculeBatch
from ._compiled import LARGEST_DEVIATION, Describe, largest_deviation

FEWEST_PAIRS = 2**11
"""Pairs of atoms in a batch, padding included. Setting out a product costs oneDNN more than MKL: on
one core smaller batches were slower with it."""


def with_onednn(describe: Describe) -> Describe:
    """The same network with oneDNN's products in large batches, if it gives the same results.

    Args:
        describe: on the CPU, in single precision.
    """

    def with_switch(batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor]:
        with _onednn():
            return describe(batch, sigma)

    def faster(batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor]:
        n_molecules, n_atoms = batch.atomic_numbers.shape
        is_large = n_molecules * n_atoms**2 >= FEWEST_PAIRS
        return (with_switch if is_large else describe)(batch, sigma)

    is_same = largest_deviation(with_switch, describe) <= LARGEST_DEVIATION
    return faster if is_same else describe


_lock = Lock()
_before: list[str] = []
"""What the switch was, once for each thread that has it on."""


@contextmanager
def _onednn() -> Iterator[None]:
    # The switch is the whole process's: the last thread to leave puts it back.
    products = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # set at run time
    with _lock:
        _before.append(_before[0] if _before else products.fp32_precision)
        products.fp32_precision = "bf16"
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                products.fp32_precision = before
