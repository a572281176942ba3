"""The table of refined molecules, printed row by row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relaxd.service.cli._report import Row

if TYPE_CHECKING:
    from relaxd.client.schemas import Dft
    from relaxd.dft_bridge import RefineResult

COLUMNS = {
    "formula": 10,
    "start": 8,
    "converged": 9,
    "gradients": 9,
    "SCF cycles": 6,
    "energy/Hartree": 14,
    "max force eV/Å": 9,
    "time/s": 8,
    "bonds": 7,
}
"""Widths, in characters: the parts of a table that nobody holds as a whole must line up."""

LOWEST = {"lowest cm⁻¹": 8}
"""The column that frequencies add: the lowest wavenumber."""

ID_WIDTH = 12
"""Characters that ids get at least, however narrow the terminal."""

ID_SHOWN = 24
"""Characters of an id in the line that says what runs now."""


class RefineReport:
    """Prints a row for each molecule, with the header above the first.

    Args:
        console: where to print.
        frequencies: whether there is a column for them.
    """

    def __init__(self, console: Console, *, frequencies: bool) -> None:
        self._console, self._is_first = console, True
        self._columns = COLUMNS | (LOWEST if frequencies else {})
        # Of all columns but the id, with a space after each.
        self._width = sum(self._columns.values()) + len(self._columns)
        console.width = max(console.width, self._width + ID_WIDTH)

    def print(self, row: Row) -> None:
        """Print a row that `refined_row` made."""
        self._print(self._columns, row)

    def print_failure(self, id: str, code: str) -> None:
        """Print the row of a molecule without a result, with the reason's name."""
        if self._is_first:
            self._print(self._columns, None)
        self._print({"code": self._width - 1}, (id, code))

    def _print(self, columns: Mapping[str, int], row: Row | None) -> None:
        table = Table(box=None, expand=True, padding=(0, 1, 0, 0), show_header=self._is_first)
        table.add_column("id", ratio=1, overflow="fold")
        for name, width in columns.items():
            table.add_column(name, width=width, overflow="fold")
        if row is not None:
            # Text, for rich would take the brackets of a SMILES for markup.
            table.add_row(*map(Text, row[: len(columns) + 1]))
        self._console.print(table)
        self._is_first = False


def refined_row(
    id: str,
    formula: str,
    result: "RefineResult | Dft",
    *,
    bonds_kept: bool | None,
    lowest_wavenumber: float | None,
) -> Row:
    """Return the row of a result.

    Args:
        id: of the molecule.
        formula: of the molecule.
        result: what DFT made of it.
        bonds_kept: whether it still is the molecule that was read; None where that is not known.
        lowest_wavenumber: cm^-1; None where none was asked for.
    """
    return (
        id,
        formula,
        result.start,
        "yes" if result.converged else "no",
        str(result.n_gradients),
        str(result.scf_cycles),
        f"{result.energy_hartree:.6f}",
        f"{result.max_force:.4f}",
        f"{result.seconds:.1f}",
        {True: "kept", False: "changed", None: ""}[bonds_kept],
        "" if lowest_wavenumber is None else f"{lowest_wavenumber:.0f}",
    )


def describe_step(id: str, n_gradients: int, max_force: float | None) -> str:
    """Return in one short line where a molecule is.

    Args:
        id: of the molecule.
        n_gradients: those computed.
        max_force: at its last point, eV/Angstrom; None before the first.
    """
    name = id if len(id) <= ID_SHOWN else f"{id[: ID_SHOWN - 1]}…"
    text = f"{name}: {n_gradients} gradient{'' if n_gradients == 1 else 's'}"
    return text if max_force is None else f"{text}, max force {max_force:.3f} eV/Å"
