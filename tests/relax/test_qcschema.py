"""Molecules from QCSchema."""

import json
from typing import Any

import numpy as np
import pytest
from qcelemental.models import v2

from relaxd.relax import MoleculeError, from_qcschema

BOHR = 0.529177210903
HYDROXIDE = {
    "schema_name": "qcschema_molecule",
    "symbols": ["O", "H"],
    "geometry": [0.0, 0.0, 0.0, 0.0, 0.0, 1.8],
    "molecular_charge": -1,
    "molecular_multiplicity": 1,
    "name": "hydroxide",
}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_versions_and_forms(version: int, nested: bool, as_text: bool) -> None:
    schema: dict[str, Any] = {**HYDROXIDE, "schema_version": version}
    if nested:
        schema = {"schema_name": "qcschema_input", "driver": "energy", "molecule": schema}
    molecule = from_qcschema(json.dumps(schema) if as_text else schema)
    assert molecule.atomic_numbers.tolist() == [8, 1]
    assert molecule.positions[1] == pytest.approx([0, 0, 1.8 * BOHR], abs=1e-8)
    assert (molecule.charge, molecule.multiplicity, molecule.id) == (-1, 1, "hydroxide")


def test_what_qcelemental_writes() -> None:
    written = v2.Molecule(**HYDROXIDE).model_dump_json()
    assert np.array_equal(
        from_qcschema(written).positions, from_qcschema(json.loads(written)).positions
    )


def test_charge_and_spin_have_the_usual_defaults() -> None:
    radical = {key: HYDROXIDE[key] for key in ("symbols", "geometry")}
    molecule = from_qcschema(radical)
    assert (molecule.charge, molecule.multiplicity, molecule.id) == (0, 2, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"geometry": [0.0] * 5}, "length-mismatch"),
        ({"geometry": "here"}, "unparsable-qcschema"),
        ({"symbols": ["O", "Qq"]}, "unknown-element"),
        ({"symbols": ["O", "X"]}, "unknown-element"),
        ({"geometry": [0.0, 0, 0, 0, 0, float("nan")]}, "non-finite-positions"),
        ({"geometry": [0.0, 0, 0, 0, 0, 0.1]}, "overlapping-atoms"),
        ({"molecular_multiplicity": 2}, "multiplicity-parity"),
        ({"molecular_charge": 0.5}, "charge-mismatch"),
        ({"fragments": [[0], [1]]}, "multiple-fragments"),
        ({"real": [True, False]}, "unparsable-qcschema"),
        ({"schema_version": 7}, "unparsable-qcschema"),
        ({"schema_version": ["O"]}, "unparsable-qcschema"),
        ({"no_such_field": 1}, "unparsable-qcschema"),
    ],
)
def test_bad_schemas(change: dict[str, Any], code: str) -> None:
    with pytest.raises(MoleculeError) as caught:
        from_qcschema({**HYDROXIDE, **change})
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["", "[]", "3", '{"molecule": 3}', "{"])
def test_text_that_is_no_schema(text: str) -> None:
    with pytest.raises(MoleculeError) as caught:
        from_qcschema(text)
    assert caught.value.code == "unparsable-qcschema"


def test_given_charge_must_agree() -> None:
    with pytest.raises(MoleculeError, match="0 was given"):
        from_qcschema(HYDROXIDE, charge=0)
