"""The table of relaxed molecules, printed part by part."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ase.data import chemical_symbols
from ase.formula import Formula
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from relaxd.client import schemas
    from relaxd.relax import Verdict

COLUMNS = {"formula": 12, "method": 9, "converged": 9, "RMSD/Å": 6, "verdict": 18}
"""Widths, in characters: the parts of a table that nobody holds as a whole must line up."""

Row = tuple[str, ...]
"""What stands in a row, the id first."""


class Report:
    """Prints a row for each molecule, with the header above the first.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._is_first = console, True

    def print(self, rows: Sequence[Row]) -> None:
        """Print the rows of some molecules, made by `relaxed_row` and `failed_row`."""
        table = Table(box=None, pad_edge=False, expand=True, show_header=self._is_first)
        table.add_column("id", ratio=1, overflow="fold")
        for name, width in COLUMNS.items():
            table.add_column(name, width=width, overflow="fold")
        for row in rows:
            # Text, for rich would take the brackets of a SMILES for markup.
            table.add_row(*map(Text, row))
        self._console.print(table)
        self._is_first = False


def relaxed_row(
    id: str, formula: str, converged: bool, rmsd: float, verdict: "Verdict | schemas.Verdict"
) -> Row:
    """Return the row of a result; the RMSD is that from the start, Angstrom."""
    found = "yes" if converged else "no"
    return id, formula, verdict.method, found, f"{rmsd:.3f}", describe(verdict)


def failed_row(id: str, code: str) -> Row:
    """Return the row of a molecule without a result, with the reason's name."""
    return id, "", "none", "", "", code


def hill_formula(numbers: Sequence[int]) -> str:
    """Return the formula of atomic numbers in the order of Hill."""
    symbols = (chemical_symbols[number] for number in numbers)
    return str(Formula.from_list(list(symbols)).format("hill"))


def describe(verdict: "Verdict | schemas.Verdict") -> str:
    """Return in words whether the molecule is still the one that was asked for."""
    found = {"bonds": verdict.connectivity_kept, "stereo": verdict.stereo_kept}
    changed = [name for name, kept in found.items() if kept is False]
    if changed:
        return f"{' and '.join(changed)} changed"
    unknown = [name for name, kept in found.items() if kept is None]
    return f"{' and '.join(unknown)} not judged" if unknown else "kept"
