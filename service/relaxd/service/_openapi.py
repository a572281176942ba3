"""Examples and problem documents for the OpenAPI description."""

from typing import Any

from fastapi.openapi.models import Example
from pydantic import BaseModel

from relaxd.client.schemas import JobRequest, Molecule
from relaxd.service._problems import MEDIA_TYPE, ProblemError

DESCRIPTION = """Give a molecule in a cheap geometry, or only its SMILES; get the geometry that \
DFT would have relaxed it to.

A molecule that fails has the status `error` in its own result; the others are answered. Every \
fault is an RFC 9457 problem document whose `type` is `urn:relaxd:error:<category>:<code>`; the \
category is one of `input`, `limit`, `resource`, `convergence`, `internal`.
"""

FORMS = ("SMILES", "IUPAC name", "XYZ", "SDF", "QCSchema", "Arrays of an ion, one atom frozen")
"""Titles of the examples of `schemas.Molecule`, in their order."""

PROBLEMS = {
    400: ("input", "malformed-body", "The body is not JSON."),
    401: ("input", "unauthorized", "This call needs an API key."),
    404: ("input", "unknown-job", "There is no job '01a1fe'."),
    409: ("input", "job-not-final", "Job 01a1fe is running; cancel it first."),
    413: ("limit", "too-many-molecules", "300 molecules; one request may hold 256."),
    415: ("input", "unsupported-media-type", "The body must be application/json."),
    422: ("input", "empty-list", "The request holds no molecules."),
    429: ("limit", "busy", "1024 molecules are being worked on; try again later."),
    500: ("internal", "fault", "The server failed; it is logged."),
    503: ("resource", "loading", "The server cannot relax: it is loading."),
}
"""A fault that gives each status."""

MODEL_EXAMPLES: list[dict[str, Any]] = Molecule.model_json_schema()["examples"]

RELAX_EXAMPLES: dict[str, Example] = {
    "SMILES only": {"value": {"molecules": ["CC(=O)OCC(N)C=O", "c1ccncc1O"]}},
    **{
        title: {"value": {"molecules": [molecule]}}
        for title, molecule in zip(FORMS, MODEL_EXAMPLES, strict=True)
    },
}
"""A request for each form of a molecule."""


def _inlined(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a schema that refers to no other."""
    found = schema.model_json_schema()
    definitions = found.pop("$defs", {})

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return resolved(definitions[value["$ref"].rpartition("/")[2]])
        return {name: resolved(entry) for name, entry in value.items()}

    inlined: dict[str, Any] = resolved(found)
    return inlined


JOB_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _inlined(JobRequest),
                "examples": {
                    "Relax": {"value": {"molecules": ["CC(=O)OCC(N)C=O", "c1ccncc1O"]}},
                    "Refine": {
                        "value": {
                            "kind": "refine",
                            "refine": {"level": "fast"},
                            "molecules": [{"smiles": "NC=O", "id": "formamide"}],
                        }
                    },
                },
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"kind": "relax"}\n"CCO"\n{"smiles": "NC=O", "id": "formamide"}\n',
            },
            "chemical/x-daylight-smiles": {
                "schema": {"type": "string"},
                "example": "CCO ethanol\nNC=O formamide\n",
            },
            "chemical/x-mdl-sdfile": {"schema": {"type": "string"}},
            "chemical/x-xyz": {"schema": {"type": "string"}},
        },
    }
}
"""What `POST /v1/jobs` takes."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of the problem documents with these statuses."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    category, code, detail = PROBLEMS[status]
    problem = ProblemError(category, code, detail, status=status).problem
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": problem.model_dump(exclude_none=True),
    }
    return {"description": problem.title, "content": {MEDIA_TYPE: content}}
