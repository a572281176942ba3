"""Results as ASE and RDKit objects, and as SDF files, for those who have these packages."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from relaxd.client._optional import require

if TYPE_CHECKING:
    import ase
    from rdkit import Chem

    from relaxd.client.schemas import Result

RECORD_END = "$$$$\n"
"""The line that ends a record of an SDF file."""


def to_ase(result: Result) -> ase.Atoms:
    """Return the geometry of a result whose status is `ok`.

    Raises:
        ModuleNotFoundError: ASE is not installed.
    """
    info = {"charge": result.charge, "multiplicity": result.multiplicity, "id": result.id}
    atoms: ase.Atoms = require("ase").Atoms(
        numbers=result.atomic_numbers,
        positions=result.positions,
        info={key: value for key, value in info.items() if value is not None},
    )
    return atoms


def to_rdkit(result: Result) -> Chem.Mol:
    """Return the molecule of a result whose status is `ok`, without bonds where none are known.

    Raises:
        ModuleNotFoundError: RDKit is not installed.
    """
    chem = require("rdkit.Chem")
    if result.sdf is not None:
        bonded: Chem.Mol = chem.MolFromMolBlock(result.sdf, removeHs=False)
        return bonded
    molecule: Chem.Mol = chem.MolFromXYZBlock(_xyz(result))
    molecule.SetProp("_Name", result.id or "")
    return molecule


def write_sdf(path: str | PathLike[str], results: Iterable[Result]) -> int:
    """Write the results whose status is `ok` to an SDF file, each with all its conformers.

    Of one that was sampled, that is the most populated; `Job.save` writes all geometries.

    Returns:
        How many geometries there were.

    Raises:
        ModuleNotFoundError: a result's bonds are not known, and RDKit is not installed.
    """
    done = (result for result in results if result.status == "ok")
    records = [record for result in done for record in _records(result)]
    Path(path).write_text("".join(records), encoding="utf-8")
    return len(records)


def _records(result: Result) -> list[str]:
    told = [result.sdf] if result.conformers is None else [c.sdf for c in result.conformers]
    blocks = [block for block in told if block is not None]
    if not blocks:
        blocks = [require("rdkit.Chem").MolToMolBlock(to_rdkit(result))]
    return [block if block.endswith(RECORD_END) else block + RECORD_END for block in blocks]


def _xyz(result: Result) -> str:
    chem = require("rdkit.Chem")
    symbol = chem.GetPeriodicTable().GetElementSymbol
    numbers, positions = result.atomic_numbers or [], result.positions or []
    atoms = [
        f"{symbol(number)} {x:.8f} {y:.8f} {z:.8f}"
        for number, (x, y, z) in zip(numbers, positions, strict=True)
    ]
    return "\n".join([str(len(atoms)), "", *atoms, ""])
