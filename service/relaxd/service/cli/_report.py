"""The table of relaxed molecules, printed part by part."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relaxd.relax import MoleculeError, RelaxResult, Verdict

COLUMNS = {"formula": 12, "method": 9, "converged": 9, "RMSD/Å": 6, "verdict": 18}
"""Widths, in characters: the parts of a table that nobody holds as a whole must line up."""


class Report:
    """Prints a row for each molecule, with the header above the first.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._is_first = console, True

    def print(self, outcomes: Sequence[RelaxResult | MoleculeError]) -> None:
        """Print the rows of some molecules.

        Args:
            outcomes: results, or reasons why there are none.
        """
        table = Table(box=None, pad_edge=False, expand=True, show_header=self._is_first)
        table.add_column("id", ratio=1, overflow="fold")
        for name, width in COLUMNS.items():
            table.add_column(name, width=width, overflow="fold")
        for outcome in outcomes:
            # Text, for rich would take the brackets of a SMILES for markup.
            table.add_row(*map(Text, _row(outcome)))
        self._console.print(table)
        self._is_first = False


def _row(outcome: RelaxResult | MoleculeError) -> tuple[str, ...]:
    if isinstance(outcome, MoleculeError):
        return outcome.id or "", "", "none", "", "", outcome.code
    return (
        outcome.molecule.id or "",
        outcome.molecule.to_atoms().get_chemical_formula(),
        outcome.verdict.method,
        "yes" if outcome.converged else "no",
        f"{outcome.rmsd_from_start:.3f}",
        describe(outcome.verdict),
    )


def describe(verdict: Verdict) -> str:
    """Return in words whether the molecule is still the one that was asked for."""
    found = {"bonds": verdict.connectivity_kept, "stereo": verdict.stereo_kept}
    changed = [name for name, kept in found.items() if kept is False]
    if changed:
        return f"{' and '.join(changed)} changed"
    unknown = [name for name, kept in found.items() if kept is None]
    return f"{' and '.join(unknown)} not judged" if unknown else "kept"
