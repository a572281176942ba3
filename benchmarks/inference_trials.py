"""What compilers, and other matrix products, make of the network's forward pass on one core.

Compiled are torch.compile's networks, most of them for one shape of batch, and the one that relaxd
keeps, exported and compiled for any. The products are oneDNN's in single precision, where relaxd
uses them, and those of `precision="bf16"`. Each variant has a process of its own, in which it takes
turns with the plain network on one batch of QM9's size, so that a slow spell of the machine meets
both.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from _report import write

from relaxd.model import MoleculeBatch, compiled, load_model, with_onednn
from relaxd.relax import from_smiles
from relaxd.relax._buckets import buckets, to_batch
from relaxd.relax._precision import in_bf16

N_ROUNDS = 40
VARIANTS: dict[str, dict[str, Any]] = {
    "compiled": {"dynamic": False},
    "compiled for any shape": {"dynamic": True},
    "compiled, weights frozen": {"dynamic": False, "options": {"freezing": True}},
    "compiled, weights frozen, matrix products in C++": {
        "dynamic": False,
        "options": {
            "freezing": True,
            "max_autotune": True,
            "max_autotune_gemm_backends": "CPP,ATEN",
        },
    },
}
"""Arguments of torch.compile."""

EXPORTED = "exported, compiled for any shape"
"""relaxd's own."""

BF16 = "bf16"
ONEDNN = "oneDNN"


def batch() -> MoleculeBatch:
    """A full batch of like molecules."""
    smiles = (Path(__file__).parent / "molecules.smi").read_text().split()
    molecules = [from_smiles(s) for s in smiles] * 6
    rows = max(buckets([len(m) for m in molecules]), key=len)
    return to_batch([molecules[row] for row in rows], "cpu")[0]


def measure(name: str) -> dict[str, Any]:
    """Milliseconds for one molecule, of the plain network and of a variant."""
    torch.set_num_threads(1)
    model, molecules = load_model(), batch()
    sigma = torch.full((len(molecules.positions),), 0.1)
    with torch.no_grad(), TemporaryDirectory() as folder:
        plain = model.denoiser.describe
        clock = time.perf_counter()
        if name in VARIANTS:
            variant = torch.compile(plain, **VARIANTS[name])
        elif name == EXPORTED:
            variant = compiled(model, Path(folder))
        else:
            variant = {BF16: in_bf16, ONEDNN: with_onednn}[name](plain)
        apart = (variant(molecules, sigma)[0] - plain(molecules, sigma)[0]).abs().max()
        to_compile = time.perf_counter() - clock
        times: dict[str, list[float]] = {"plain": [], "variant": []}
        for _ in range(N_ROUNDS):
            for side, call in (("plain", plain), ("variant", variant)):
                clock = time.perf_counter()
                call(molecules, sigma)
                times[side].append((time.perf_counter() - clock) / len(sigma) * 1e3)
    ratio = [a / b for a, b in zip(times["plain"], times["variant"], strict=True)]
    return {
        "n_molecules": len(sigma),
        "plain_ms": statistics.median(times["plain"]),
        "variant_ms": statistics.median(times["variant"]),
        "times_faster": statistics.median(ratio),
        "compilation_seconds": to_compile,
        "apart_angstrom": float(apart),
    }


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    figures = {}
    for name in (*VARIANTS, EXPORTED, BF16, ONEDNN):
        done = subprocess.run(
            [sys.executable, __file__, name], capture_output=True, text=True, check=True
        )
        figures[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, figures[name], flush=True)
    model = load_model()
    measured = {"model": model.name, "sha256": model.sha256, "variants": figures}
    write("inference_trials", measured, ("torch",))


if __name__ == "__main__":
    main()
