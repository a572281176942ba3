"""Implicit solvents by name."""

import difflib

from ._errors import DftError


def solvent_name(name: str) -> str:
    """The name of a solvent as the table of Minnesota solvents has it, from one in any case.

    Raises:
        DftError: unknown-solvent, with the names that look like it.
    """
    names = {known.lower(): known for known in _table()}
    wanted = name.strip().lower()
    if wanted in names:
        return names[wanted]
    close = difflib.get_close_matches(wanted, names, n=3)
    hint = f"; close to it: {', '.join(names[c] for c in close)}" if close else ""
    raise DftError("unknown-solvent", f"no solvent {name!r} in the Minnesota table{hint}")


def dielectric_constant(name: str) -> float:
    """Relative permittivity of a solvent at 298 K, from that table."""
    return float(_table()[name][EPSILON])


EPSILON = 5
"""Column of the table, `pyscf.solvent.smd.solvent_db`."""


def _table() -> dict[str, list[float]]:
    from pyscf.solvent import smd

    table: dict[str, list[float]] = smd.solvent_db
    return table
