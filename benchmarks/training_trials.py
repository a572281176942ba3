"""Short trainings that differ in one thing each: what the choices of the shipped model rest on.

    python benchmarks/training_trials.py --pairs runs/pairs.safetensors --minutes 10

Every trial begins with random weights and takes the same time on one thread, some side by side
where there are cores for them; its model then relaxes validation molecules, and adds a line to
`results/training_trials.jsonl`. A run that was stopped goes on with what is missing, elsewhere if
need be: `--train-only` needs neither RDKit nor GFN2-xTB. They mean something only where nothing
else runs beside them. A model that is cheaper sees more molecules in its time; both are told.
`--table` prints what is there.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from _report import RESULTS, processor

from relaxd.model import DenoiserConfig, Trainer, TrainingConfig, load_model
from relaxd.model.data import PairDataset

FILE = RESULTS / "training_trials.jsonl"
N_MOLECULES = 400
PARTS = ("model", "noise")

# Compiled, a trial of a few minutes would spend one of them on its compiler.
BASE = TrainingConfig(model=DenoiserConfig(n_filters=7), compile=False)
CHANGES: dict[str, dict[str, Any]] = {
    "reference": {},
    "reference, other processor": {},
    "another seed": {"seed": 1},
    "l_max 2": {"model": {"l_max": 2}},
    "32 channels": {"model": {"channels": 32}},
    "96 channels": {"model": {"channels": 96}},
    "3 layers": {"model": {"n_layers": 3}},
    "7 layers": {"model": {"n_layers": 7}},
    "cutoff 3.5 A": {"model": {"r_max": 3.5}},
    "cutoff 7 A": {"model": {"r_max": 7.0}},
    "12 radial functions": {"model": {"n_radial": 12}},
    "5 filters": {"model": {"n_filters": 5}},
    "no filters": {"model": {"n_filters": None}},
    "no stiffness": {"stiff_weight": 0.0},
    "stiffness x 3": {"stiff_weight": 3.0},
    "noise to 0.1 A": {"noise": {"sigma_max": 0.1}},
    "noise alone": {"noise": {"gaussian_share": 1.0}},
    "pairs alone": {"noise": {"gaussian_share": 0.0}},
    "noise always told": {"noise": {"unknown_share": 0.0}},
    "noise never told": {"noise": {"unknown_share": 1.0}},
    "starts of other basins": {"noise": {"farthest_start": 10.0}},
    "no rollouts": {"noise": {"rollout_probabilities": (1.0,)}},
    "EMA 0.9999": {"ema_decay": 0.9999},
    "EMA 0.99": {"ema_decay": 0.99},
    "bonds always": {"bond_dropout": 0.0},
    "bonds never": {"bond_dropout": 1.0},
    "learning rate 5e-4": {"learning_rate": 5e-4},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "batches twice as large": {"atoms_per_batch": 512},
}
"""By name, what differs from the first; the model's shape and the noise by their own fields."""


def changed(changes: dict[str, Any], **others: Any) -> TrainingConfig:
    """The first trial with some settings changed."""
    parts = {name: replace(getattr(BASE, name), **changes.get(name, {})) for name in PARTS}
    return replace(BASE, **{**changes, **parts, **others})


def train(name: str, pairs: Path, runs: Path, minutes: float, device: str) -> None:
    """Trains one to its end, if it has not come there yet."""
    path = folder(runs, name) / "model.safetensors"
    if path.exists() and load_model(path).card["training"]["seconds"] >= round(60 * minutes):
        return
    torch.set_num_threads(1)
    config = changed(CHANGES[name], hours=minutes / 60, device=device)
    Trainer(config, PairDataset(pairs, device=device), path.parent).train()


def judge(name: str, pairs: Path, runs: Path) -> dict[str, Any]:
    """Relaxes validation molecules from their MMFF94 geometries by what was trained."""
    from sampler_trials import figures

    from relaxd.relax import Relaxer, read_cases

    path = folder(runs, name) / "model.safetensors"
    training = load_model(path).card["training"]
    relaxer = Relaxer.load(path)
    cases = read_cases(pairs, N_MOLECULES)
    results = relaxer.relax_in_domain([case.start for case in cases])
    return {
        "trial": name,
        "changed": CHANGES[name],
        "n_parameters": relaxer.model.n_parameters,
        "minutes": round(training["seconds"] / 60, 1),
        "processor": processor(),
        "samples": training["samples"],
        "n_molecules": len(cases),
        "n_evaluations": sum(result.n_evaluations for result in results) / len(results),
        **figures(cases, [result.positions for result in results]),
    }


def folder(runs: Path, name: str) -> Path:
    """Where a trial is trained."""
    return runs / name.replace(" ", "-")


def known() -> list[dict[str, Any]]:
    """The lines of the file."""
    return [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []


def table() -> None:
    """Prints the trials, the best first."""
    print(f"{'':26s} {'samples':>9s} {'RMSD':>7s} {'dE median':>10s} {'mean':>7s} {'steps':>6s}")
    for row in sorted(known(), key=lambda row: row["energy_gap_median_kcal_mol"]):
        print(
            f"{row['trial']:26s} {row['samples']:9d} {row['rmsd_median_angstrom']:7.4f} "
            f"{row['energy_gap_median_kcal_mol']:10.3f} {row['energy_gap_mean_kcal_mol']:7.3f} "
            f"{row['n_evaluations']:6.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=Path("runs/pairs.safetensors"))
    parser.add_argument("--runs", type=Path, default=Path("runs/trials"))
    parser.add_argument("--minutes", type=float, default=10.0, help="of each training")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=1, help="trainings side by side")
    parser.add_argument("--train-only", action="store_true", help="to be judged elsewhere")
    parser.add_argument("--trials", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    parser.add_argument("--table", action="store_true", help="print what is there, and end")
    arguments = parser.parse_args()
    if not arguments.table:
        pairs, runs = arguments.pairs, arguments.runs
        done = {row["trial"] for row in known()}
        missing = [name for name in arguments.trials if name not in done]
        # Not forked: OpenMP hangs in what is forked from a process that has used it.
        with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
            one = partial(
                train, pairs=pairs, runs=runs, minutes=arguments.minutes, device=arguments.device
            )
            list(pool.map(one, missing))
        for name in [] if arguments.train_only else missing:
            row = judge(name, pairs, runs)
            with FILE.open("a") as file:
                file.write(json.dumps(row) + "\n")
    table()


if __name__ == "__main__":
    main()
