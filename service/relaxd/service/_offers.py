"""What this server can do, by what is installed beside it."""

import importlib.util

from relaxd.client.schemas import MOLECULE_FORMS
from relaxd.dft_bridge import LEVELS
from relaxd.relax import can_read_iupac

DFT_PACKAGES = ("geometric", "psutil", "pyscf")
"""Without which nothing can be refined."""


def has_dft() -> bool:
    """Tell whether molecules can be refined here."""
    return all(importlib.util.find_spec(name) is not None for name in DFT_PACKAGES)


def levels() -> list[str]:
    """Return the levels of theory that have a name."""
    return list(LEVELS) if has_dft() else []


def forms() -> list[str]:
    """Return the forms of a molecule that can be read here."""
    return [form for form in MOLECULE_FORMS if form != "iupac" or can_read_iupac()]
