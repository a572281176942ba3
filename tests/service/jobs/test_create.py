"""How jobs come in: bodies of every kind, whole or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.service.conftest import Serve
from tests.service.jobs.calls import ended, results, submit

pytestmark = pytest.mark.anyio


async def test_job_is_accepted_done_and_listed(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/jobs",
        json={"molecules": ["CC", {"smiles": "CCC", "id": "b"}], "name": "two", "tags": ["t"]},
    )
    assert response.status_code == 202
    job = response.json()
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["counts"] == {"total": 2, "ok": 0, "error": 0, "cancelled": 0}
    done = await ended(client, job["id"])
    assert (done["state"], done["name"], done["tags"]) == ("succeeded", "two", ["t"])
    assert done["counts"] == {"total": 2, "ok": 2, "error": 0, "cancelled": 0}
    assert done["usage"]["estimated"] is True
    assert [r["id"] for r in await results(client, job["id"])] == [None, "b"]
    listed = (await client.get("/v1/jobs", params={"tag": "t"})).json()
    assert [j["id"] for j in listed["jobs"]] == [job["id"]]


async def test_bad_molecule_is_an_error_of_its_own(client: httpx.AsyncClient) -> None:
    job = await submit(client, ["CC", "unreadable", 7, {"smiles": "C", "xyz": "1\n\nC 0 0 0"}])
    assert (await ended(client, job))["counts"] == {
        "total": 4,
        "ok": 1,
        "error": 3,
        "cancelled": 0,
    }
    found = await results(client, job)
    assert [r["index"] for r in found] == [0, 1, 2, 3]
    assert [r["error"] and r["error"]["type"].rpartition(":")[2] for r in found] == [
        None,
        "unparsable-smiles",
        "invalid-molecule",
        "several-forms",
    ]


async def test_steps_are_kept_where_asked_for(client: httpx.AsyncClient) -> None:
    plain, asked = await submit(client, ["CCC"]), await submit(client, ["CCC"], trajectory=True)
    for job in (plain, asked):
        await ended(client, job)
    assert (await results(client, plain))[0]["trajectory"] is None
    (result,) = await results(client, asked)
    assert result["trajectory"] == [result["start_positions"], result["positions"]]
    body = {"molecules": ["C"], "kind": "refine", "trajectory": True}
    refused = await client.post("/v1/jobs", json=body)
    assert (refused.status_code, "trajectory" in refused.text) == (422, True)


async def test_all_bad_is_failed(client: httpx.AsyncClient) -> None:
    job = await submit(client, ["unreadable"])
    assert (await ended(client, job))["state"] == "failed"


async def test_crash_of_the_chemistry_takes_one_molecule(client: httpx.AsyncClient) -> None:
    job = await submit(client, ["CC", "segfault", "CCC"])
    assert (await ended(client, job))["counts"]["ok"] == 2
    assert (await results(client, job))[1]["error"]["type"].endswith("internal:worker-died")


@pytest.mark.parametrize(
    ("media_type", "body", "ids"),
    [
        ("chemical/x-daylight-smiles", "CC ethane\n\n# none\nCCC\tpro pane\nCCCC\n", None),
        ("application/x-ndjson", '{}\n"CC"\n\n{"smiles": "CCC", "id": "b"}\n"CCCC"', None),
    ],
    ids=["smi", "ndjson"],
)
async def test_streamed_body(
    client: httpx.AsyncClient, media_type: str, body: str, ids: None
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for byte in body.encode():
            yield bytes([byte])

    response = await client.post(
        "/v1/jobs", content=trickle(), headers={"Content-Type": media_type}
    )
    assert response.status_code == 202
    job = response.json()["id"]
    assert (await ended(client, job))["counts"]["ok"] == 3
    assert [r["smiles"] for r in await results(client, job)] == ["CC", "CCC", "CCCC"]


async def test_options_of_a_file_are_in_the_query(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/jobs?kind=refine&level=hf/sto-3g&max_gradients=7&frequencies=true&tag=a&tag=b"
        "&priority=high&name=n",
        content=b"",
        headers={"Content-Type": "chemical/x-xyz"},
    )
    assert response.json()["type"] == "urn:relaxd:error:input:empty-list"
    response = await client.post(
        "/v1/jobs?tag=a&tag=b&priority=high&name=n",
        content=b"CC\n",
        headers={"Content-Type": "chemical/x-daylight-smiles"},
    )
    job = response.json()
    assert (job["tags"], job["priority"], job["name"]) == (["a", "b"], "high", "n")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "input:malformed-body"),
        (b"[]", 422, "input:invalid-request"),
        (b"[" * 100_000, 400, "input:malformed-body"),
        (b"{}", 422, "input:invalid-request"),
        (b'{"molecules": []}', 422, "input:empty-list"),
        (b'{"molecules": ["C"], "kind": "melt"}', 422, "input:invalid-request"),
        (b'{"molecules": ["C"], "colour": "red"}', 422, "input:invalid-request"),
        (b'{"molecules": ["C"], "refine": {}}', 422, "input:invalid-request"),
        (b'{"molecules": ["C"], "tags": ["a\\u0000"]}', 422, "input:invalid-request"),
        (b'{"molecules": ["C"], "model": "gpt"}', 422, "input:unknown-model"),
        (
            b'{"molecules": ["C"], "kind": "refine", "refine": {"level": "magic/sto-3g"}}',
            422,
            "input:unknown-level",
        ),
        (
            b'{"molecules": ["C"], "webhook": {"url": "http://127.0.0.1/"}}',
            422,
            "input:invalid-webhook",
        ),
    ],
)
async def test_refused_json(client: httpx.AsyncClient, body: bytes, status: int, kind: str) -> None:
    response = await client.post(
        "/v1/jobs", content=body, headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["type"]) == (status, f"urn:relaxd:error:{kind}")
    assert (await client.get("/v1/jobs")).json()["jobs"] == []


@pytest.mark.parametrize(
    ("media_type", "body", "status", "kind"),
    [
        ("text/html", b"CC", 415, "input:unsupported-media-type"),
        ("", b"CC", 415, "input:unsupported-media-type"),
        ("application/x-ndjson", b"", 400, "input:malformed-body"),
        ("application/x-ndjson", b"{}\n", 422, "input:empty-list"),
        ("application/x-ndjson", b'{}\n"C"\n{', 400, "input:malformed-body"),
        ("application/x-ndjson", b'"C"\n"C"\n', 422, "input:invalid-request"),
        ("chemical/x-daylight-smiles", b"\n\n", 422, "input:empty-list"),
        ("chemical/x-xyz", b"1\n" + b"x" * 5_000_000, 413, "limit:molecule-too-long"),
    ],
)
async def test_refused_stream(
    client: httpx.AsyncClient, media_type: str, body: bytes, status: int, kind: str
) -> None:
    response = await client.post("/v1/jobs", content=body, headers={"Content-Type": media_type})
    assert (response.status_code, response.json()["type"]) == (status, f"urn:relaxd:error:{kind}")
    assert (await client.get("/v1/jobs")).json()["jobs"] == []


async def test_limits(serving: Serve) -> None:
    limits = {"max_job_molecules": 3, "max_job_bytes": 100, "max_body_bytes": 80, "max_queued": 3}
    async with serving(**limits) as client:
        smiles = {"Content-Type": "chemical/x-daylight-smiles"}
        for content, headers, kind in (
            (b"C\n" * 4, smiles, "too-many-molecules"),
            (b"C" * 101, smiles, "body-too-large"),
            (json.dumps({"molecules": ["C" * 90]}).encode(), None, "body-too-large"),
        ):
            response = await client.post(
                "/v1/jobs", content=content, headers=headers or {"Content-Type": "application/json"}
            )
            assert response.status_code == 413
            assert response.json()["type"] == f"urn:relaxd:error:limit:{kind}"


async def test_full_queue_is_refused(serving: Serve, relaxer: Any) -> None:
    relaxer.gate.clear()
    async with serving(max_queued=2) as client:
        await submit(client, ["CC", "CCC"])
        response = await client.post("/v1/jobs", json={"molecules": ["C"]})
        assert response.status_code == 429
        assert response.json()["type"] == "urn:relaxd:error:limit:busy"
        assert int(response.headers["Retry-After"]) > 0
        relaxer.gate.set()


async def test_idempotency_key(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = {"molecules": ["CC"]}
    answers = await asyncio.gather(
        *(client.post("/v1/jobs", json=body, headers=headers) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {a.headers.get("Idempotency-Replayed") for a in answers} == {None, "true"}
    other = await client.post("/v1/jobs", json={"molecules": ["CCC"]}, headers=headers)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:relaxd:error:input:idempotency-key-reused"
    assert len((await client.get("/v1/jobs")).json()["jobs"]) == 1
    bad = await client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "a b"})
    assert bad.status_code == 422


async def test_deduplicate(client: httpx.AsyncClient) -> None:
    first = await submit(client, ["CC", "CCC"])
    again = await client.post("/v1/jobs", json={"molecules": ["CC", "CCC"], "deduplicate": True})
    assert (again.status_code, again.json()["id"]) == (200, first)
    assert await submit(client, ["CC", "CCC"]) != first
    assert await submit(client, ["CCC", "CC"], deduplicate=True) != first
