"""Plots of how torsions are distributed."""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from relaxd.client.schemas import Sample, TorsionHistogram
from relaxd.service.cli._sample_table import torsion_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
"""Of the files that can be plotted to."""

PER_ROW = 3
"""Panels side by side."""

MAX_PANELS = 60
"""As many as can be looked at, and drawn."""

PANEL = (3.6, 2.6)
"""Width and height of a panel, inches."""


@contextmanager
def plotting(path: Path | None) -> Iterator["TorsionPlot | None"]:
    """Yield what takes torsions, and plot them at the end, also where some molecules failed.

    Args:
        path: what to write; nothing if None.

    Raises:
        typer.BadParameter: as of `TorsionPlot`.
    """
    if path is None:
        yield None
        return
    plot, failed = TorsionPlot(path), None
    try:
        yield plot
    except typer.Exit as error:
        failed = error
    plot.save()
    if failed is not None:
        raise failed


class TorsionPlot:
    """Gathers torsions, and draws a panel for each.

    Args:
        path: what to write.

    Raises:
        typer.BadParameter: unknown suffix, no such folder, or matplotlib is not installed.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise typer.BadParameter(f"{path}: expected one of {', '.join(SUFFIXES)}")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: No such file or directory")
        if importlib.util.find_spec("matplotlib") is None:
            raise typer.BadParameter(
                "--plot needs the package 'matplotlib': pip install 'relaxd[plot]'"
            )
        self._path = path
        self._panels: list[tuple[str, Sample, TorsionHistogram]] = []

    def add(self, id: str, numbers: Sequence[int], sample: Sample) -> None:
        """Add the torsions of a molecule."""
        drawn = f"{sample.n_samples} geometries"
        if sample.weighed_by is not None:
            drawn = f"{sample.effective_samples:.0f} effective of {drawn}"
        for torsion in sample.torsions:
            name = torsion_name(numbers, torsion.atoms)
            title = f"{id}: {name}\n{sample.temperature:g} K, {drawn}"
            self._panels.append((title, sample, torsion))

    def save(self) -> None:
        """Write the file, if there is anything to be seen."""
        if not self._panels:
            typer.echo(f"relaxd: {self._path}: there is no torsion to plot", err=True)
            return
        if (left_out := len(self._panels) - MAX_PANELS) > 0:
            typer.echo(f"relaxd: {self._path}: {left_out} torsions are left out", err=True)
        # Only those who want a plot wait for it; and no window is opened.
        from matplotlib.figure import Figure

        panels = self._panels[:MAX_PANELS]
        n_columns = min(PER_ROW, len(panels))
        n_rows = -(-len(panels) // n_columns)
        figure = Figure((PANEL[0] * n_columns, PANEL[1] * n_rows), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axis, (title, sample, torsion) in zip(axes, panels, strict=False):
            _draw(axis, title, sample, torsion)
        for axis in axes[len(panels) :]:
            axis.remove()
        figure.savefig(self._path, dpi=150)


def _draw(axis: "Axes", title: str, sample: Sample, torsion: TorsionHistogram) -> None:
    width = 360 / len(torsion.shares)
    edges = [-180 + width * part for part in range(len(torsion.shares))]
    percent = [100 * share for share in torsion.shares]
    axis.bar(edges, percent, width, align="edge", color="tab:blue")
    axis.set_title(title, fontsize=8, parse_math=False)
    axis.set_xlim(-180, 180)
    axis.set_xticks(range(-180, 181, 60))
    axis.tick_params(labelsize=7)
    axis.set_xlabel("torsion / °", fontsize=8)
    shares = "geometries" if sample.weighed_by is None else "weight"
    axis.set_ylabel(f"{shares} per {width:g}° / %", fontsize=8)
