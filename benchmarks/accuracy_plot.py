"""Draws the energy errors that `relaxd evaluate` measured, molecule by molecule."""

import json

import matplotlib.pyplot as plt
from _report import RESULTS


def main() -> None:
    energies = json.loads((RESULTS / "evaluate.json").read_text())["energies"]
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for x, (method, errors) in enumerate(energies["each"].items()):
        axes.plot([x] * len(errors), errors, "o", alpha=0.5)
        median = energies["energy_error_kcal_mol"][method]["median"]
        axes.hlines(median, x - 0.3, x + 0.3, color="black")
        axes.annotate(f" {median:.2f}", (x + 0.3, median), va="center")
    axes.set(
        yscale="log",
        xticks=range(len(energies["each"])),
        xticklabels=list(energies["each"]),
        xlim=(-0.5, 2.8),
        ylabel="energy above the minimum, kcal/mol",
        title=f"{energies['n_molecules']} validation molecules, {energies['level']}",
    )
    figure.savefig(RESULTS.parent / "accuracy.png", dpi=150)


if __name__ == "__main__":
    main()
