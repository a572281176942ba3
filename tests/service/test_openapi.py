"""The API does as its OpenAPI document says, whatever is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio.from_thread
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from relaxd.service import Settings, create_app

from .conftest import Serve

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 25
"""Requests of each operation that are valid by the document, and as many that are not."""

TEXTS = (
    *("application/x-ndjson", "chemical/x-daylight-smiles"),
    *("chemical/x-mdl-sdfile", "chemical/x-xyz"),
)
"""Media types of bodies that schemathesis does not know."""


@schemathesis.serializer(*TEXTS)
def as_text(context: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]


@contextmanager
def blocking(serving: Serve) -> Iterator[Any]:
    """Yields what makes a request, for tests that are no coroutines."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving()) as client,
    ):
        yield lambda *args, **kwargs: portal.call(partial(client.request, *args, **kwargs))


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_answers_are_as_documented(serving: Serve, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == len(OPERATIONS)
    with blocking(serving) as call:
        for operation in operations:
            if mode.is_negative and not _takes_something(operation):
                continue

            @seed(0)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(mode), known=st.booleans())
            def check(case: schemathesis.Case, known: bool) -> None:
                if known and "job_id" in case.path_parameters:
                    job = call("POST", "/v1/jobs", json={"molecules": ["CC", "unreadable"]})
                    case.path_parameters["job_id"] = job.json()["id"]
                kwargs = case.as_transport_kwargs(base_url="http://localhost")
                case.validate_response(_sent(call, kwargs), checks=CHECKS)

            check()


def _takes_something(operation: schemathesis.APIOperation) -> bool:
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return bool({"parameters", "requestBody"} & described.keys())


def _sent(call: Any, kwargs: dict[str, Any]) -> httpx.Response:
    """Send what schemathesis would send by `requests`."""
    body = {"content": kwargs["data"]} if kwargs.get("data") is not None else {}
    if "json" in kwargs:
        body = {"json": kwargs["json"]}
    response: httpx.Response = call(
        kwargs["method"],
        kwargs["url"],
        params=kwargs.get("params"),
        headers=dict(kwargs["headers"]),
        **body,
    )
    location = response.headers.get("Location")
    if location is not None and response.json()["kind"] == "refine":
        # The doubles read chemistry that DFT may take for ever on, with other jobs behind it.
        call("DELETE", location)
    return response


def test_the_document_names_no_schema_that_is_never_sent() -> None:
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]
    for path, _, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            media_types = set(answer.get("content", {}))
            if int(status) >= 400:
                assert media_types == {"application/problem+json"}, (path, status)


@pytest.mark.anyio
@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
async def test_other_methods_are_told_which_there_are(client: httpx.AsyncClient, path: str) -> None:
    there = {method.upper() for method in DOCUMENT["paths"][path]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
        response = await client.request(method, path.replace("{job_id}", "0" * 24))
        assert response.status_code == 405
        assert response.json()["type"] == "urn:relaxd:error:input:method-not-allowed"
        assert set(response.headers["Allow"].split(", ")) <= there


def test_files_have_their_options_in_the_query() -> None:
    described = DOCUMENT["paths"]["/v1/jobs"]["post"]
    names = {p["name"] for p in described["parameters"] if p["in"] == "query"}
    assert names >= {"kind", "name", "tag", "priority", "deduplicate", "level", "frequencies"}
    assert set(described["requestBody"]["content"]) == {
        *("application/json", "application/x-ndjson"),
        *("chemical/x-daylight-smiles", "chemical/x-mdl-sdfile", "chemical/x-xyz"),
    }


@pytest.mark.anyio
async def test_what_postgresql_refuses_is_refused_before(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/jobs?tag=%00")).status_code == 422
    assert (await client.get("/v1/jobs/%00")).status_code == 404
    assert (await client.get(f"/v1/jobs/{'0' * 24}%0A")).status_code == 404
