"""The table and the plot of `refinement.py`, from its results: nothing is computed anew.

Ratios are formed molecule by molecule, between relaxations that ended in the same minimum; a pair
that did not is counted and left out. The middle one and the ratio of the sums are given.
"""

import json
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from _report import RESULTS, write
from refinement import SMALL

from relaxd.relax import superposed_rmsd

SAME_ENERGY = 2e-5
"""Hartree; relaxations to the same minimum end within this."""

SAME_PLACE = 0.1
"""Angstrom, RMSD; soft torsions differ by this at the same energy."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Of one method, by molecule, in the order in which they were measured."""
Method = tuple[str, str]
"""Start and driver."""

COUNTS = ("n_gradients", "scf_cycles")
Ran = tuple[str | None, str | None]
"""Kernels of the linear algebra, and processor."""

BASELINE: Method = ("mmff94", "geometric")
BEST: Method = ("relaxd", "relaxd")
COMPARISONS: dict[str, tuple[Method, Method]] = {
    "relaxd start and driver, against MMFF94 and geomeTRIC": (BASELINE, BEST),
    "the same, against GFN2-xTB and geomeTRIC": (("gfn2-xtb", "geometric"), BEST),
    "the start alone, with geomeTRIC": (BASELINE, ("relaxd", "geometric")),
    "the start alone, with geomeTRIC and the GFN2-xTB Hessian": (
        ("mmff94", "geometric+xtb"),
        ("relaxd", "geometric+xtb"),
    ),
    "the start alone, with the relaxd driver": (("mmff94", "relaxd"), BEST),
    "the start alone, with the relaxd driver without GFN2-xTB": (
        ("mmff94", "relaxd-no-xtb"),
        ("relaxd", "relaxd-no-xtb"),
    ),
    "the start against GFN2-xTB's, with geomeTRIC": (
        ("gfn2-xtb", "geometric"),
        ("relaxd", "geometric"),
    ),
    "the start against GFN2-xTB's, with the relaxd driver": (("gfn2-xtb", "relaxd"), BEST),
    "the driver alone, from MMFF94": (BASELINE, ("mmff94", "relaxd")),
    "the driver alone, from relaxd": (("relaxd", "geometric"), BEST),
    "the GFN2-xTB Hessian in geomeTRIC, from MMFF94": (BASELINE, ("mmff94", "geometric+xtb")),
    "the relaxd driver without GFN2-xTB, from MMFF94": (BASELINE, ("mmff94", "relaxd-no-xtb")),
    "the relaxd driver, against geomeTRIC with the same Hessian": (
        ("relaxd", "geometric+xtb"),
        BEST,
    ),
    "no density fitting, against relaxd start and driver": (("mmff94", "pyscf"), BEST),
}
"""What is divided by what."""


def read() -> tuple[dict[Method, Rows], str, Ran]:
    """The rows that ended well, by method, the hash of relaxd's weights, and what ran the last.

    Of rows that began where relaxd leads, those of the weights that were measured last.
    """
    lines = (RESULTS / "refinement.jsonl").read_text().splitlines()
    converged = [row for row in map(json.loads, lines) if row.get("converged")]
    weights = [row["weights"] for row in converged if row["weights"]][-1]
    rows: dict[Method, Rows] = {}
    for row in converged:
        if row["weights"] in (None, weights):
            of_method = rows.setdefault((row["start"], row["driver"]), {})
            of_method.setdefault(row["molecule"], []).append(row)
    return rows, weights, ran_on(converged[-1])


def same_minimum(one: Row, other: Row) -> bool:
    """Whether two relaxations ended in the same place, and there in the same energy."""
    positions = (np.array(row["positions"]) for row in (one, other))
    near = superposed_rmsd(*positions) < SAME_PLACE
    # Density fitting shifts all energies of a molecule alike.
    comparable = (one["driver"] == "pyscf") == (other["driver"] == "pyscf")
    apart = abs(one["energy_hartree"] - other["energy_hartree"])
    return near and (apart < SAME_ENERGY or not comparable)


def ran_on(row: Row) -> Ran:
    """Kernels and processor of a relaxation; the first ones did not tell the latter."""
    return row.get("blas"), row.get("processor")


def pair(above: list[Row], below: list[Row]) -> tuple[Row, Row]:
    """The last two relaxations of a molecule that ran alike, or else the last of each."""
    alike = [(a, b) for a in above for b in below if ran_on(a) == ran_on(b)]
    return alike[-1] if alike else (above[-1], below[-1])


def compare(above: Rows, below: Rows, *, small: bool = False) -> dict[str, Any] | None:
    """Ratios of what two methods cost, over the molecules that both have done.

    Processor time counts where both had the same processor, and the same kernels for their linear
    algebra.

    Args:
        above: what one method did.
        below: what the other did.
        small: whether the molecules for the driver without density fitting count.
    """
    both = sorted((above.keys() & below.keys()) - (set() if small else set(SMALL)))
    pairs = {name: pair(above[name], below[name]) for name in both}
    same = [rows for rows in pairs.values() if same_minimum(*rows)]
    if not same:
        return None
    elsewhere = [name for name, rows in pairs.items() if not same_minimum(*rows)]
    figures: dict[str, Any] = {"n_molecules": len(same), "ended_elsewhere": elsewhere}
    alike = [(a, b) for a, b in same if ran_on(a) == ran_on(b)]
    for quantity in (*COUNTS, "cpu_seconds"):
        counted = alike if quantity == "cpu_seconds" else same
        costs = [(a[quantity], b[quantity]) for a, b in counted]
        if not costs:
            continue
        figures[quantity] = {
            "n_molecules": len(costs),
            "median_ratio": median(a / b for a, b in costs),
            "ratio_of_sums": sum(a for a, _ in costs) / sum(b for _, b in costs),
            "smallest": min(a / b for a, b in costs),
        }
    return figures


def summary(rows: Rows, ran: Ran) -> dict[str, Any]:
    """Medians of one method; of processor time only where all was measured by the same one.

    Args:
        rows: what the method did.
        ran: kernels and processor whose time is told.
    """
    names = [name for name in rows if name not in SMALL] or list(rows)
    last = [rows[name][-1] for name in names]
    told = [*COUNTS, "cpu_seconds"] if all(ran_on(row) == ran for row in last) else COUNTS
    return {"n_molecules": len(names)} | {n: median(row[n] for row in last) for n in told}


def plot(rows: dict[Method, Rows]) -> None:
    """Costs of every molecule by some methods; processor time where it was the baseline's."""
    shown = {
        "MMFF94, geomeTRIC": BASELINE,
        "GFN2-xTB, geomeTRIC": ("gfn2-xtb", "geometric"),
        "MMFF94, relaxd driver": ("mmff94", "relaxd"),
        "relaxd, relaxd driver": BEST,
    }
    names = sorted(
        rows[BASELINE].keys() & rows[BEST].keys(),
        key=lambda name: rows[BASELINE][name][-1]["cpu_seconds"],
    )
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.45 * len(names) + 1.5), sharey=True)
    height = 0.8 / len(shown)

    def cost(method: Method, name: str, quantity: str) -> float:
        found = rows.get(method, {}).get(name, [])
        if quantity == "cpu_seconds":
            found = [row for row in found if ran_on(row) == ran_on(rows[BASELINE][name][-1])]
        return float(found[-1][quantity]) if found else 0.0

    for axis, quantity in zip(axes, ("n_gradients", "cpu_seconds"), strict=True):
        for offset, (label, method) in enumerate(shown.items()):
            found = [cost(method, name, quantity) for name in names]
            axis.barh(np.arange(len(names)) - offset * height, found, height, label=label)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(np.arange(len(names)) - 1.5 * height, names)
    axes[0].set_xlabel("gradient evaluations")
    axes[1].set_xlabel("processor time, s (where it was the same processor)")
    axes[1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(RESULTS.parent / "refinement.png", dpi=150)


def main() -> None:
    rows, weights, ran = read()
    ratios = {}
    for title, (above, below) in COMPARISONS.items():
        without_fitting = "pyscf" in (above[1], below[1])
        found = compare(rows.get(above, {}), rows.get(below, {}), small=without_fitting)
        if found is None:
            continue
        ratios[title] = found
        shown = [
            f"{name} {row['median_ratio']:.2f} (sums {row['ratio_of_sums']:.2f}, "
            f"n {row['n_molecules']})"
            for name in ("n_gradients", "cpu_seconds")
            if (row := found.get(name))
        ]
        print(f"{title:60s}", *shown, "elsewhere", *found["ended_elsewhere"], sep="  ")
    methods = {
        f"{start} + {driver}": summary(found, ran) for (start, driver), found in rows.items()
    }
    for name, medians in methods.items():
        print(f"{name:24s}", *(f"{key} {value:.3g}" for key, value in medians.items()), sep="  ")
    figures = {"weights": weights, "timed_on": ran, "methods": methods, "ratios": ratios}
    write("refinement", figures, ("pyscf", "geometric", "tblite"))
    plot(rows)


if __name__ == "__main__":
    main()
