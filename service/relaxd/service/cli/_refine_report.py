"""What `relaxd refine` shows: the table of results, and what runs now."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Self, TextIO

from ase.units import Hartree
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from relaxd.dft_bridge import Event, Step
from relaxd.service._refined import Failure, Refined

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

SECONDS = 0.1
"""Between two changes of that line, s."""


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

    def print(self, ended: Refined | Failure) -> None:
        """Print the row of one molecule, a result or the reason why there is none."""
        if isinstance(ended, Refined):
            self._print(self._columns, _row(ended))
            return
        if self._is_first:
            self._print(self._columns, None)
        self._print({"code": self._width - 1}, (ended.id, ended.code))

    def _print(self, columns: Mapping[str, int], row: tuple[str, ...] | None) -> None:
        table = Table(box=None, expand=True, padding=(0, 1, 0, 0), show_header=self._is_first)
        table.add_column("id", ratio=1, overflow="fold")
        for name, width in columns.items():
            table.add_column(name, width=width, overflow="fold")
        if row is not None:
            # Text, for rich would take the brackets of a SMILES for markup.
            table.add_row(*map(Text, row[: len(columns) + 1]))
        self._console.print(table)
        self._is_first = False


def _row(refined: Refined) -> tuple[str, ...]:
    result, lowest = refined.result, refined.lowest_wavenumber
    return (
        refined.id,
        refined.molecule.to_atoms().get_chemical_formula(),
        result.start,
        "yes" if result.converged else "no",
        str(result.n_gradients),
        str(result.scf_cycles),
        f"{result.energy_hartree:.6f}",
        f"{result.max_force:.4f}",
        f"{result.seconds:.1f}",
        "kept" if refined.bonds_kept else "changed",
        "" if lowest is None else f"{lowest:.0f}",
    )


class Progress:
    """A bar over molecules that says what runs now; nothing where there is no terminal.

    Args:
        file: where to show it, if not standard error of a terminal.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._bar: Any = tqdm(
            desc="refining",
            file=file,
            disable=None if file is None else False,
            bar_format="{desc} {n_fmt} [{elapsed}]{postfix}",
        )
        self._forces: dict[str, float] = {}
        self._shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.set_postfix_str("", refresh=False)
        self._bar.close()

    def tell(self, id: str, event: Event) -> None:
        """Show an event of a molecule; any thread may call this."""
        if isinstance(event, Step):
            self._forces[id] = event.max_force
        now = time.monotonic()
        if isinstance(event, Step) or now - self._shown > SECONDS:
            self._shown = now
            self._bar.set_postfix_str(describe(id, event, self._forces.get(id)))

    def done(self, id: str) -> None:
        """Count a molecule."""
        self._forces.pop(id, None)
        self._bar.update()

    def aside(self) -> AbstractContextManager[None]:
        """Takes the bar away while something else is printed."""
        found: AbstractContextManager[None] = tqdm.external_write_mode()
        return found


def describe(id: str, event: Event, max_force: float | None) -> str:
    """Return in one short line where a molecule is.

    Args:
        id: of the molecule.
        event: the last.
        max_force: at its last point, eV/Angstrom.
    """
    name = id if len(id) <= ID_SHOWN else f"{id[: ID_SHOWN - 1]}…"
    text = f"{name}: {event.n_gradients} gradient{'' if event.n_gradients == 1 else 's'}"
    if max_force is not None:
        text += f", max force {max_force:.3f} eV/Å"
    if isinstance(event, Step):
        return text
    return f"{text}, SCF cycle {event.cycle} {event.energy / Hartree:.5f} Hartree"
