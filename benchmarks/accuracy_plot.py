"""Draws what `relaxd evaluate` measured: DFT energy errors, and expected against found ones."""

import json
import statistics
from typing import Any

import matplotlib.pyplot as plt
from _report import RESULTS
from matplotlib.axes import Axes

NAMES = {"relaxd": "relaxd-small", "large": "relaxd-large"}


def energy_errors(axes: Axes, energies: dict[str, Any], large: dict[str, Any]) -> None:
    """DFT energies above the minimum, molecule by molecule."""
    each = {**energies["each"], "large": large["each"]["relaxd"]}
    for x, errors in enumerate(each.values()):
        axes.plot([x] * len(errors), errors, "o", alpha=0.5)
        median = statistics.median(errors)
        axes.hlines(median, x - 0.3, x + 0.3, color="black")
        axes.annotate(f" {median:.2f}", (x + 0.3, median), va="center")
    axes.set(
        yscale="log",
        xticks=range(len(each)),
        xticklabels=[NAMES.get(name, name) for name in each],
        xlim=(-0.5, len(each) - 0.2),
        ylabel="energy above the minimum, kcal/mol",
        title=f"{energies['n_molecules']} validation molecules, {energies['level']}",
    )


def reliability(axes: Axes, figures: dict[str, Any]) -> None:
    """Means of parts of the validation molecules, by the error that the model expects."""
    found = figures["expected_error"]
    expected, estimated = found["expected_kcal_mol"], found["estimated_kcal_mol"]
    axes.plot(expected, expected, color="grey", linewidth=1, label="as expected")
    axes.plot(expected, estimated, "o", label="mean of each part")
    n_molecules = round(figures["n_molecules"] * figures["same_basin"])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="expected error, kcal/mol",
        ylabel="estimated error, kcal/mol",
        title=f"{n_molecules} molecules, rank correlation {found['rank_correlation']:.2f}",
    )
    axes.legend()


def main() -> None:
    figures, large = (
        json.loads((RESULTS / name).read_text())
        for name in ("evaluate.json", "evaluate-large.json")
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    energy_errors(left, figures["energies"], large["energies"])
    reliability(right, figures)
    figure.savefig(RESULTS.parent / "accuracy.png", dpi=150)


if __name__ == "__main__":
    main()
