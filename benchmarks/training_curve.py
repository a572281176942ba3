"""Draws how the losses of a training fell.

    python benchmarks/training_curve.py runs/mine

Of the `log.jsonl` of a run the means of a hundred parts are kept in `results/training_curve.json`,
and drawn from there where no run is given. A loss is what is left of an input's error, 1 being all;
it rises at the beginning of a run that goes on from a trained model, because inputs become results
of the model's own, which are harder to mend.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _report import RESULTS, write

N_PARTS = 100
COLUMNS = ("samples", "cartesian", "stiff", "learning_rate")


def read(run: Path) -> dict[str, list[float]]:
    """Each column, in means of parts of the run."""
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    table = np.array([[entry[name] for name in COLUMNS] for entry in entries])
    means = np.array([part.mean(0) for part in np.array_split(table, min(N_PARTS, len(table)))])
    return {name: column.tolist() for name, column in zip(COLUMNS, means.T, strict=True)}


def plot(curve: dict[str, list[float]]) -> None:
    """Losses, and the learning rate above them."""
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(7, 4.4), sharex=True, height_ratios=(1, 3), layout="constrained"
    )
    thousands = np.divide(curve["samples"], 1000)
    upper.plot(thousands, curve["learning_rate"], color="grey")
    upper.set(ylabel="learning rate")
    for name in ("cartesian", "stiff"):
        lower.plot(thousands, curve[name], label=name)
    lower.set(xlabel="thousand samples", ylabel="error left of the input's")
    lower.legend(frameon=False)
    figure.savefig(RESULTS.parent / "training_curve.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.run is not None:
        write("training_curve", read(arguments.run), ("torch", "e3nn"))
    plot(json.loads((RESULTS / "training_curve.json").read_text()))


if __name__ == "__main__":
    main()
