"""The table of sampled molecules, printed row by row."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import typer
from ase.data import chemical_symbols
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relaxd.client.schemas import JobKind, JobResult, Sample
from relaxd.service.cli._report import hill_formula

if TYPE_CHECKING:
    from relaxd.service.cli._sample_plot import TorsionPlot

COLUMNS = {"formula": 10, "effective": 14, "conformers": 14, "torsions": 48}
"""Widths, in characters: the parts of a table that nobody holds as a whole must line up."""

ID_WIDTH = 12
"""Characters that ids get at least, however narrow the terminal."""

CONFORMERS_SHOWN = 5
"""Of each molecule; the others are told of together."""

LEAST_EFFECTIVE = 50
"""Below so many effective samples the weights are not to be trusted."""

LEAST_SHARE = 0.05
"""Of a torsion, in a well that is worth a word."""

NEAR = (1, 2, 3, 2, 1)
"""Weights of neighbouring parts of a histogram, which few samples make jagged."""


class SampleTable:
    """Prints what was sampled of each molecule, and warns where the weights tell nothing.

    Args:
        console: where to print.
        plot: takes the torsions, if they are to be plotted.
    """

    kind: JobKind = "sample"
    doing = "sampling"

    def __init__(self, console: Console, plot: "TorsionPlot | None" = None) -> None:
        self._console, self._plot, self._is_first = console, plot, True
        # With a space after each, the id among them.
        width = ID_WIDTH + sum(COLUMNS.values()) + len(COLUMNS) + 1
        console.width = max(console.width, width)

    def print(self, id: str, result: JobResult) -> bool:
        """Print a result that is ok, and return whether it is as it should be."""
        sample, numbers = result.sample, result.atomic_numbers
        if sample is None or numbers is None:
            raise ValueError(f"{id}: the server did not say what it sampled")
        effective = f"{sample.effective_samples:.0f} of {sample.n_samples}"
        if sample.weighed_by is None:
            effective = "not weighed"
        conformers, torsions = "\n".join(_conformers(sample)), "\n".join(_torsions(numbers, sample))
        self._print((id, hill_formula(numbers), effective, conformers, torsions))
        if sample.weighed_by is not None and sample.effective_samples < LEAST_EFFECTIVE:
            warning = f"only {sample.effective_samples:.0f} effective samples; below "
            warning += f"{LEAST_EFFECTIVE}, do not trust the weights, and draw more"
            typer.echo(f"relaxd: {id}: {warning}", err=True)
        if self._plot is not None:
            self._plot.add(id, numbers, sample)
        return True

    def print_failure(self, id: str, code: str) -> None:
        """Print the row of a molecule without a result, with the reason's name."""
        self._print((id, "", "none", "", code))

    def _print(self, row: Sequence[str]) -> None:
        table = Table(box=None, expand=True, padding=(0, 1, 0, 0), show_header=self._is_first)
        table.add_column("id", ratio=1, overflow="fold")
        for name, width in COLUMNS.items():
            table.add_column(name, width=width, overflow="fold")
        # Text, for rich would take the brackets of a SMILES for markup.
        table.add_row(*map(Text, row))
        self._console.print(table)
        self._is_first = False


def torsion_name(numbers: Sequence[int], atoms: Sequence[int]) -> str:
    """Return the atoms of a torsion, counted from one as people do, as in C1-C2-O3-H9."""
    return "-".join(f"{chemical_symbols[numbers[atom]]}{atom + 1}" for atom in atoms)


def main_angles(shares: Sequence[float]) -> list[tuple[float, float]]:
    """Return the angle, in degrees, and the share of each well of a torsion, the largest first.

    A well is where one goes uphill to the same peak of the histogram; its angle is the mean.

    Args:
        shares: of equal parts of a turn, from -180 degrees on.
    """
    given, n = np.asarray(shares), len(shares)
    shifts = range(-(len(NEAR) // 2), len(NEAR) // 2 + 1)
    smooth = np.sum([w * np.roll(given, s) for w, s in zip(NEAR, shifts, strict=True)], axis=0)

    def peak(part: int) -> int:
        uphill = max((part - 1) % n, part, (part + 1) % n, key=lambda i: (smooth[i], i))
        return part if uphill == part else peak(uphill)

    peaks = np.array([peak(part) for part in range(n)])
    centres = np.exp(1j * np.radians((np.arange(n) + 0.5) * 360 / n - 180))
    wells = [
        (float(np.degrees(np.angle(given[peaks == p] @ centres[peaks == p]))), given[peaks == p])
        for p in np.unique(peaks)
    ]
    found = [(angle, float(parts.sum())) for angle, parts in wells]
    return sorted((well for well in found if well[1] >= LEAST_SHARE), key=lambda well: -well[1])


def _conformers(sample: Sample) -> Iterator[str]:
    populations = [conformer.population for conformer in sample.conformers]
    for number, population in enumerate(populations[:CONFORMERS_SHOWN]):
        yield f"{number}: {population:.1%}"
    if rest := populations[CONFORMERS_SHOWN:]:
        yield f"{len(rest)} more: {sum(rest):.1%}"


def _torsions(numbers: Sequence[int], sample: Sample) -> Iterator[str]:
    for torsion in sample.torsions:
        angles = (f"{_degrees(a)}° {share:.0%}" for a, share in main_angles(torsion.shares))
        yield f"{torsion_name(numbers, torsion.atoms)}: {', '.join(angles)}"


def _degrees(angle: float) -> int:
    whole = round(angle)
    return 180 if whole == -180 else whole
