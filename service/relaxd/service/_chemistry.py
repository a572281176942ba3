"""From the JSON of a molecule to a `relaxd.relax.Molecule`; runs in a worker process."""

from collections.abc import Callable
from typing import Any

from relaxd.client import schemas
from relaxd.relax import (
    Molecule,
    from_arrays,
    from_iupac,
    from_qcschema,
    from_sdf,
    from_smiles,
    from_xyz,
)

READERS: dict[str, Callable[..., Molecule]] = {
    "smiles": from_smiles,
    "iupac": from_iupac,
    "xyz": from_xyz,
    "sdf": from_sdf,
    "qcschema": from_qcschema,
}
"""What reads each form of a molecule that is one field."""


def read_molecule(wire: schemas.Molecule) -> Molecule:
    """Read a molecule, in whichever form it is.

    Raises:
        MoleculeError: it is not chemistry, or not of a kind that can be relaxed.
    """
    state: dict[str, Any] = wire.model_dump(
        include={"charge", "multiplicity", "frozen", "id"}, exclude_none=True
    )
    for form, read in READERS.items():
        value = getattr(wire, form)
        if value is not None:
            return read(value, **state)
    return from_arrays(wire.atomic_numbers or [], wire.positions or [], **state)
