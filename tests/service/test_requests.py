"""Faults of whole requests, and what every answer has."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from .conftest import Serve

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


def assert_problem(response: httpx.Response, status: int, type_: str) -> dict[str, Any]:
    """The response is this problem, in the form that RFC 9457 asks for."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:relaxd:error:{type_}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == f"urn:relaxd:request:{response.headers['X-Request-Id']}"
    return problem


@pytest.mark.parametrize(
    ("body", "status", "type_"),
    [
        (b"", 422, "input:invalid-request"),
        (b"{", 400, "input:malformed-body"),
        (b"\xff", 400, "input:malformed-body"),
        (b"[" * 100_000, 400, "input:malformed-body"),
        (b"[]", 422, "input:invalid-request"),
        (b"{}", 422, "input:invalid-request"),
        (b'{"molecules": "C"}', 422, "input:invalid-request"),
        (b'{"molecules": ["C"], "modle": "x"}', 422, "input:invalid-request"),
        (b'{"molecules": []}', 422, "input:empty-list"),
        (b'{"molecules": ["C"], "model": "other"}', 422, "input:unknown-model"),
        (json.dumps({"molecules": ["C"] * 300}).encode(), 413, "limit:too-many-molecules"),
    ],
)
async def test_bad_body(client: httpx.AsyncClient, body: bytes, status: int, type_: str) -> None:
    assert_problem(await client.post("/v1/relax", content=body, headers=JSON), status, type_)


async def test_field_at_fault_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/relax", json={"molecules": ["C"], "modle": "x"})
    problem = assert_problem(response, 422, "input:invalid-request")
    assert problem["errors"][0]["path"] == "/modle"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_content_type(client: httpx.AsyncClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = await client.post("/v1/relax", content=b'{"molecules": ["C"]}', headers=headers)
    assert_problem(response, 415, "input:unsupported-media-type")


async def test_content_type_may_have_parameters(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    response = await client.post("/v1/relax", content=b'{"molecules": ["C"]}', headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("announced", [True, False])
async def test_body_too_large(serving: Serve, announced: bool) -> None:
    sent = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 100

    headers = JSON | ({"Content-Length": "100000"} if announced else {})
    async with serving(max_body_bytes=1000) as client:
        response = await client.post("/v1/relax", content=stream(), headers=headers)
        assert_problem(response, 413, "limit:body-too-large")
        assert sent <= 11  # the rest is not even read
        small = await client.post("/v1/relax", json={"molecules": ["C"]})
        assert small.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "type_"),
    [
        ("GET", "/v1/nothing", 404, "input:not-found"),
        ("GET", "/v1/job", 404, "input:not-found"),
        ("GET", "/v1/relax", 405, "input:method-not-allowed"),
        ("DELETE", "/v1/models", 405, "input:method-not-allowed"),
    ],
)
async def test_no_such_call(
    client: httpx.AsyncClient, method: str, path: str, status: int, type_: str
) -> None:
    response = await client.request(method, path)
    assert_problem(response, status, type_)
    assert ("Allow" in response.headers) is (status == 405)


async def test_unforeseen_fault(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("relaxd.service._engine.Engine.relax", fail)
    response = await client.post("/v1/relax", json={"molecules": ["C"]})
    problem = assert_problem(response, 500, "internal:fault")
    assert "ZeroDivision" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("given", "echoed"), [("my-id.7", True), ("", False), ("a b", False), ("x" * 200, False)]
)
async def test_request_id(client: httpx.AsyncClient, given: str, echoed: bool) -> None:
    response = await client.get("/v1/health/live", headers={"X-Request-Id": given})
    assert (response.headers["X-Request-Id"] == given) is echoed
    assert response.headers["X-Request-Id"]


async def test_openapi_shows_each_form_and_the_problems(client: httpx.AsyncClient) -> None:
    spec = (await client.get("/openapi.json")).json()
    operation = spec["paths"]["/v1/relax"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert len(body["examples"]) == 8
    for status in ("400", "413", "415", "422", "429", "500", "503"):
        content = operation["responses"][status]["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["example"]["status"] == int(status)
    assert "HTTPValidationError" not in spec["components"]["schemas"]


async def test_docs(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    links = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert links
    for link in links:
        assert not link.startswith(("http", "//")), "fetched from elsewhere"
        assert (await client.get(link)).status_code == 200
