"""Molecules from QCSchema, which measures in Bohr."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers as numbers_by_symbol
from ase.units import Bohr
from pydantic_core import from_json
from qcelemental.models.v2 import Molecule as QCMolecule

from ._arrays import from_arrays, whole
from ._errors import MoleculeError, naming
from ._molecule import Molecule

VERSIONS = {2: 3, 3: 3}
"""Of `qcschema_molecule`: 2 (the models v1 of QCElemental) differs from 3 in the number alone."""


def from_qcschema(
    schema: str | Mapping[str, Any],
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """A molecule from QCSchema: a `qcschema_molecule`, version 2 or 3, or an input that holds one.

    Args:
        schema: as JSON text or as the object it stands for.
        charge: must agree with the schema's where both are given.
        multiplicity: must agree with the schema's where both are given.
        frozen: atoms that must not move.
        id: name of the molecule; by default the schema's.

    Raises:
        MoleculeError: unparsable-qcschema, length-mismatch, unknown-element, multiple-fragments,
            charge-mismatch, or what `from_arrays` raises.
    """
    with naming(id):
        data = _molecule_of(schema)
        model = _validated(data)
        if model.fragments_ is not None and len(model.fragments_) > 1:
            raise MoleculeError("multiple-fragments", "the schema lists more than one fragment")
        if model.real_ is not None and not np.all(model.real_):
            raise MoleculeError("unparsable-qcschema", "ghost atoms are not supported")
        return from_arrays(
            [_number(symbol) for symbol in model.symbols],
            np.asarray(model.geometry).reshape(-1, 3) * Bohr,
            charge=_agreed(charge, data, "molecular_charge", "charge-mismatch") or 0,
            multiplicity=_agreed(
                multiplicity, data, "molecular_multiplicity", "multiplicity-parity"
            ),
            frozen=frozen,
            id=data.get("name") if id is None else id,
        )


def _molecule_of(schema: str | Mapping[str, Any]) -> dict[str, Any]:
    try:
        data = from_json(schema) if isinstance(schema, str) else schema
    except ValueError as error:
        raise MoleculeError("unparsable-qcschema", f"not JSON: {error}") from error
    if isinstance(data, Mapping):
        data = data.get("molecule", data)
    if not isinstance(data, Mapping):
        raise MoleculeError("unparsable-qcschema", "not an object with symbols and a geometry")
    return dict(data)


def _validated(data: dict[str, Any]) -> Any:
    version = data.get("schema_version", 3)
    if not isinstance(version, int) or version not in VERSIONS:
        raise MoleculeError(
            "unparsable-qcschema", f"qcschema_molecule version {version!r}; 2 and 3 are read"
        )
    symbols, geometry = data.get("symbols"), data.get("geometry")
    if isinstance(symbols, list) and isinstance(geometry, list):
        coordinates = np.size(np.array(geometry, dtype=object))
        if coordinates != 3 * len(symbols):
            raise MoleculeError(
                "length-mismatch", f"{len(symbols)} symbols, but {coordinates} coordinates"
            )
    try:
        # `validate=False`: form only. Physics is checked with everyone else's, by its own codes.
        return QCMolecule(**{**data, "schema_version": VERSIONS[version]}, validate=False)
    except Exception as error:  # Its validators let whatever they stumble over escape.
        raise MoleculeError("unparsable-qcschema", " ".join(str(error).split())) from error


def _number(symbol: str) -> int:
    number = numbers_by_symbol.get(symbol.capitalize(), 0)
    if number == 0:
        raise MoleculeError("unknown-element", f"{symbol!r} is no element symbol")
    return int(number)


def _agreed(given: int | None, data: dict[str, Any], key: str, code: str) -> int | None:
    if data.get(key) is None:
        return given
    stated = whole(data[key], key, code)
    if given is not None and given != stated:
        raise MoleculeError(code, f"{given} was given, the schema's {key} is {stated}")
    return stated
