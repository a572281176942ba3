"""Why a molecule was refused, in one exception sorted by what the caller can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Category = Literal["input", "limit", "resource", "convergence", "internal"]
"""Send something else; send less; install or wait; try another start; report a bug."""

CODES: dict[str, Category] = {
    "charge-mismatch": "input",
    "embedding-failed": "input",
    "empty-molecule": "input",
    "force-field-failed": "convergence",
    "frozen-conformers": "input",
    "frozen-out-of-range": "input",
    "invalid-aromaticity": "input",
    "invalid-valence": "input",
    "length-mismatch": "input",
    "linear-molecule": "input",
    "metal-complex": "input",
    "missing-coordinates": "input",
    "missing-hydrogens": "input",
    "multiple-fragments": "input",
    "multiple-records": "input",
    "multiplicity-parity": "input",
    "no-bonds": "input",
    "no-force-field": "input",
    "no-iupac-converter": "resource",
    "non-finite-positions": "input",
    "out-of-domain": "input",
    "overlapping-atoms": "input",
    "periodic": "input",
    "positions-out-of-range": "input",
    "rdkit-failed": "internal",
    "scf-not-converged": "convergence",
    "too-many-atoms": "limit",
    "unknown-element": "input",
    "unknown-format": "input",
    "unparsable-iupac": "input",
    "unparsable-qcschema": "input",
    "unparsable-sdf": "input",
    "unparsable-smiles": "input",
    "unparsable-xyz": "input",
}
"""Every code a `MoleculeError` can carry, with its category."""


class MoleculeError(ValueError):
    """One molecule cannot be handled; the others of its batch are not concerned.

    Attributes:
        code: stable name of the reason, a key of `CODES`.
        category: what the caller can do about it.
        id: the caller's name of the molecule, or None.
        message: the molecule and the reason, for a human.
    """

    def __init__(self, code: str, reason: str, id: str | None = None) -> None:
        # All three reach `args`, from which pickle rebuilds the exception.
        super().__init__(code, reason, id)
        self.code = code
        self.category: Category = CODES[code]
        self.id = id
        self.message = reason if id is None else f"{id}: {reason}"

    def __str__(self) -> str:
        return self.message


@contextmanager
def naming(id: str | None, label: str | None = None) -> Iterator[None]:
    """Names the molecule in every `MoleculeError` raised inside that does not name one.

    What RDKit raises when its own assumptions break becomes such an error, too: rdkit-failed.

    Args:
        id: the caller's name of the molecule.
        label: what the message calls a molecule without one.
    """
    prefix = "" if label is None or id is not None else f"{label}: "
    try:
        yield
    except RuntimeError as error:
        summary = " ".join(str(error).split("\n")[:2])
        raise MoleculeError("rdkit-failed", f"{prefix}RDKit failed: {summary}", id) from error
    except MoleculeError as error:
        if error.id is not None or (id is None and label is None):
            raise
        raise MoleculeError(error.code, prefix + error.message, id) from error.__cause__
