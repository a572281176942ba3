"""Examples and problem documents for the OpenAPI description."""

from collections.abc import Mapping
from typing import Any

from fastapi.openapi.models import Example
from pydantic import BaseModel

from relaxd.client.schemas import (
    JobInfo,
    JobOptions,
    JobRequest,
    Molecule,
    RefineOptions,
    SampleOptions,
)
from relaxd.service._problems import MEDIA_TYPE, ProblemError
from relaxd.service.formats import MEDIA_TYPES

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

PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": "`Bearer`."},
    429: {"Retry-After": "When to try again. Unit: s."},
    503: {"Retry-After": "When to try again; not where that will not help. Unit: s."},
}
"""Headers that come with a fault, by its status."""

MODEL_EXAMPLES: list[dict[str, Any]] = Molecule.model_json_schema()["examples"]

RELAX_EXAMPLES: dict[str, Example] = {
    "SMILES only": {"value": {"molecules": ["CC(=O)OCC(N)C=O", "c1ccncc1O"]}},
    **{
        title: {"value": {"molecules": [molecule]}}
        for title, molecule in zip(FORMS, MODEL_EXAMPLES, strict=True)
    },
    "Lowest conformers": {"value": {"molecules": ["OCC(O)CO"], "conformers": 100, "keep": 5}},
}
"""A request for each form of a molecule, and one for conformers."""


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


def _query(schema: type[BaseModel], *without: str) -> list[dict[str, Any]]:
    """Return the fields of a schema as parameters of a query."""
    fields = _inlined(schema)["properties"]
    return [
        {"name": name, "in": "query", "description": FOR_FILES, "schema": field}
        for name, field in fields.items()
        if name not in without
    ]


FOR_FILES = "Of a file; of other bodies it is a part."
"""Said of what the query of `POST /v1/jobs` may hold."""

TAGS = JobOptions.model_json_schema()["properties"]["tags"]

JOB_CALL: dict[str, Any] = {
    "parameters": [
        *_query(JobOptions, "refine", "sample", "tags", "webhook"),
        {"name": "tag", "in": "query", "description": FOR_FILES, "schema": TAGS},
        *_query(RefineOptions),
        *_query(SampleOptions),
    ],
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
                    "Sample": {
                        "value": {
                            "kind": "sample",
                            "sample": {"temperature": 298.15, "n_samples": 1000},
                            "molecules": [{"smiles": "OCC(O)CO", "id": "glycerol"}],
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
    },
}
"""What `POST /v1/jobs` takes."""


def _headers(described: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in described.items()
    }


LOCATION = {"Location": "Path of the job."}

JOB_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": JobInfo,
        "description": "An earlier job answers the request.",
        "headers": _headers(LOCATION | {"Idempotency-Replayed": "`true`."}),
    },
    202: {"headers": _headers(LOCATION)},
}
"""What `POST /v1/jobs` answers."""

RESULT_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type: {"schema": {"type": "string"}}
            for media_type in MEDIA_TYPES.values()
            if media_type != "application/json"
        },
        "headers": _headers(
            {
                "X-Left-Out": "Of a file: how many geometries it cannot hold.",
                "X-Next-Cursor": "Of a file: cursor of the next page; not on the last one.",
                "Link": "Of a file: the next page.",
            }
        ),
    }
}
"""What `GET /v1/jobs/{job_id}/results` answers besides JSON."""

METRICS_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
"""What `GET /metrics` answers."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of the problem documents with these statuses.

    Any call may fail; and those that may need a key refuse web pages as long as there is none.
    """
    always = {400, 500} if 401 in statuses else {500}
    return {status: _problem(status) for status in sorted(always.union(statuses))}


def _problem(status: int) -> dict[str, Any]:
    category, code, detail = PROBLEMS[status]
    problem = ProblemError(category, code, detail, status=status).problem
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": problem.model_dump(exclude_none=True),
    }
    description: dict[str, Any] = {"description": problem.title, "content": {MEDIA_TYPE: content}}
    if status in PROBLEM_HEADERS:
        description["headers"] = _headers(PROBLEM_HEADERS[status])
    return description
