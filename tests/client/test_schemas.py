"""The schemas: forms of a molecule, JSON schema, examples."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import relaxd.client
from relaxd.client import InputError, Molecule, schemas
from relaxd.client._errors import error_from_problem

MODELS = [
    value
    for name in schemas.__all__
    if isinstance(value := getattr(schemas, name), type) and issubclass(value, BaseModel)
]


@pytest.mark.parametrize("example", Molecule.model_json_schema()["examples"])
def test_examples_are_valid(example: dict[str, Any]) -> None:
    Molecule.model_validate(example)


@pytest.mark.parametrize(
    ("molecule", "code"),
    [
        ({}, "no-form"),
        ({"charge": 1}, "no-form"),
        ({"smiles": "C", "xyz": "1"}, "several-forms"),
        ({"smiles": "C", "positions": []}, "several-forms"),
        ({"smiles": "C", "atomic_numbers": [], "positions": []}, "several-forms"),
        ({"atomic_numbers": [6]}, "missing-coordinates"),
        ({"positions": [[0, 0, 0]]}, "missing-coordinates"),
        ({"smiles": ""}, "string_too_short"),
        ({"smiles": "C", "spin": 1}, "extra_forbidden"),
        ({"smiles": "C", "charge": 0.5}, "int_from_float"),
    ],
)
def test_exactly_one_form(molecule: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Molecule.model_validate(molecule)
    assert caught.value.errors()[0]["type"] == code


def test_request_leaves_bad_molecules_to_the_server() -> None:
    request = schemas.RelaxRequest.model_validate({"molecules": [3, {"nonsense": 1}, "C"]})
    assert request.molecules == [3, {"nonsense": 1}, "C"]


def test_request_documents_what_it_accepts() -> None:
    properties = schemas.RelaxRequest.model_json_schema()["properties"]
    accepted = properties["molecules"]["items"]["anyOf"]
    assert accepted == [{"$ref": "#/$defs/Molecule"}, {"type": "string"}]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_described(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("package", [relaxd.client, schemas])
def test_all_is_complete(package: Any) -> None:
    public = {name for name in vars(package) if not name.startswith("_")}
    assert public == set(package.__all__)


def test_error_carries_the_problem() -> None:
    problem = schemas.Problem(type="urn:relaxd:error:input:x", title="X", status=422)
    error = error_from_problem(problem)
    assert isinstance(error, InputError)
    assert (error.type, error.status, str(error)) == (
        "urn:relaxd:error:input:x",
        422,
        "X [urn:relaxd:error:input:x]",
    )
