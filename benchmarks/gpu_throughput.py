"""Molecules per second that one GPU relaxes, in single precision and bf16, checked against a CPU.

    python benchmarks/gpu_throughput.py

The molecules of `molecules.smi` in their MMFF94 geometries, many copies of each, as a screening has
them. `model` is the model alone, from batches in the GPU's memory to relaxed positions in it;
`whole` is `Relaxer.relax_in_domain` in one process, whose verdicts are passed on the CPU. With
`--device cpu --copies 2` the script can be tried without a GPU.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _report import write

from relaxd.model import MoleculeBatch
from relaxd.relax import Molecule, Relaxer, RelaxResult, from_smiles, superposed_rmsd
from relaxd.relax._buckets import buckets, to_batch
from relaxd.relax._sampler import relax_to_fixpoint

N_ROUNDS = 5
BILLION_A_DAY = 1e9 / 86400
"""Molecules per second."""


class Measured:
    """A relaxer on a device, with molecules to relax.

    Args:
        relaxer: the model.
        device: where it is.
        molecules: one of each.
        copies: of each.
    """

    def __init__(
        self, relaxer: Relaxer, device: str, molecules: list[Molecule], copies: int
    ) -> None:
        self._relaxer, self._device = relaxer, device
        self._many = molecules * copies
        sizes = [len(molecule) for molecule in self._many]
        self._batches: list[MoleculeBatch] = [
            to_batch([self._many[row] for row in rows], device)[0]
            for rows in buckets(sizes, relaxer._pairs_per_batch)
        ]

    def model(self) -> None:
        """Relaxes all, positions staying where they are computed."""
        for batch in self._batches:
            relax_to_fixpoint(self._relaxer._denoise, batch, self._relaxer.schedule)
        if torch.device(self._device).type == "cuda":
            torch.cuda.synchronize()

    def whole(self) -> list[RelaxResult]:
        """Relaxes all, with a verdict on each."""
        return self._relaxer.relax_in_domain(self._many)

    def rates(self) -> dict[str, Any]:
        """Molecules per second: medians of some rounds, after one to warm up."""
        found = {}
        for name, run in {"model": self.model, "whole": self.whole}.items():
            run()
            rounds = []
            for _ in range(N_ROUNDS):
                clock = time.perf_counter()
                run()
                rounds.append(len(self._many) / (time.perf_counter() - clock))
            found[f"{name}_molecules_per_second"] = statistics.median(rounds)
        return {**found, "n_batches": len(self._batches)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--copies", type=int, default=400, help="of each molecule")
    arguments = parser.parse_args()
    smiles = (Path(__file__).parent / "molecules.smi").read_text().split()
    molecules = [from_smiles(s) for s in smiles]
    reference = Relaxer.load()
    expected = reference.relax_in_domain(molecules)
    figures: dict[str, Any] = {
        "sha256": reference.model.sha256,
        "device": device_name(arguments.device),
        "n_molecules": len(molecules) * arguments.copies,
        "billion_a_day": BILLION_A_DAY,
    }
    for precision in ("fp32", "bf16"):
        relaxer = Relaxer.load(device=arguments.device, precision=precision)
        found = relaxer.relax_in_domain(molecules)
        apart = [
            superposed_rmsd(a.positions, b.positions) for a, b in zip(found, expected, strict=True)
        ]
        row = Measured(relaxer, arguments.device, molecules, arguments.copies).rates()
        row["rmsd_from_cpu_fp32_angstrom"] = {
            "median": float(np.median(apart)),
            "max": max(apart),
        }
        figures[precision] = row
        print(precision, row, flush=True)
    write("gpu_throughput", figures, ("torch", "e3nn"))


def device_name(device: str) -> str:
    """What the device is, in words."""
    on_gpu = torch.device(device).type == "cuda"
    return torch.cuda.get_device_name(device) if on_gpu else "CPU"


if __name__ == "__main__":
    main()
