"""What `relaxd refine` shows of what runs now."""

import time
from contextlib import AbstractContextManager
from typing import Any, Self, TextIO

from ase.units import Hartree
from tqdm import tqdm

from relaxd.dft_bridge import Event, Step
from relaxd.service.cli._refine_table import describe_step

SECONDS = 0.1
"""Between two changes of that line, s."""


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
    text = describe_step(id, event.n_gradients, max_force)
    if isinstance(event, Step):
        return text
    return f"{text}, SCF cycle {event.cycle} {event.energy / Hartree:.5f} Hartree"
