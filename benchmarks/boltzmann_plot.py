"""Draws `boltzmann.json`: for each molecule the torsion that tells its conformers apart best."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
DRAWN = {
    "GFN2-xTB Metropolis": {"color": "0.75", "linewidth": 5},
    "ETKDG": {"color": "tab:green", "linewidth": 1, "linestyle": ":"},
    "MMFF94 Metropolis": {"color": "tab:orange", "linewidth": 1.2},
    "relaxd, not weighed": {"color": "tab:blue", "linewidth": 1, "linestyle": "--"},
    "relaxd": {"color": "tab:blue", "linewidth": 1.6},
}


def main() -> None:
    molecules = json.loads((HERE / "results" / "boltzmann.json").read_text())["molecules"]
    figure, axes = plt.subplots(2, 4, figsize=(14, 6), sharex=True, layout="constrained")
    middles = np.arange(-175, 180, 10)
    for axis, (name, row) in zip(axes.flat, molecules.items(), strict=False):
        reference = np.array(row["histograms"]["GFN2-xTB Metropolis"])
        # The least even of those that are not in a single well.
        wells = [(shares > 0.004).mean() for shares in reference]
        torsion = int(np.argmax(wells))
        for method, style in DRAWN.items():
            shares = np.array(row["histograms"][method][torsion])
            axis.plot(middles, shares * 100, label=method, **style)
        atoms = "-".join(map(str, row["torsions"][torsion]))
        axis.set_title(f"{name}, {atoms}", fontsize=10)
        axis.set_xticks([-180, -90, 0, 90, 180])
    for axis in axes[-1]:
        axis.set_xlabel("torsion, degrees")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of ten degrees, %")
    axes.flat[0].legend(fontsize=8)
    figure.savefig(HERE / "boltzmann.png", dpi=110)


if __name__ == "__main__":
    main()
