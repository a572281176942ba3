"""What becomes of jobs: lists, pages of results, events, cancelling, deleting."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.service.conftest import Serve
from tests.service.jobs.calls import ended, job, results, submit

pytestmark = pytest.mark.anyio


async def events(client: httpx.AsyncClient, job_id: str, **headers: str) -> list[dict[str, Any]]:
    """All events of a job until the stream ends."""
    found = []
    async with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        async for line in response.aiter_lines():
            if not line and event:
                found.append(event)
                event = {}
            elif not line.startswith(":") and line:
                name, _, value = line.partition(": ")
                event[name] = json.loads(value) if name == "data" else value
    return found


async def test_list_is_paged_and_filtered(client: httpx.AsyncClient) -> None:
    ids = [await submit(client, ["CC"], tags=[f"t{n % 2}"]) for n in range(5)]
    for each in ids:
        await ended(client, each)
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/jobs", params=params)).json()
        seen += [j["id"] for j in page["jobs"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(ids, reverse=True)
    for query, n in (
        ({"tag": "t0"}, 3),
        ({"tag": "none"}, 0),
        ({"state": "succeeded"}, 5),
        ({"state": "failed"}, 0),
        ({"kind": "refine"}, 0),
    ):
        assert len((await client.get("/v1/jobs", params=query)).json()["jobs"]) == n
    for query in ({"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"state": "asleep"}):
        assert (await client.get("/v1/jobs", params=query)).status_code == 422


async def test_unknown_job(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/events"),
        ("GET", "/results"),
    ):
        response = await client.request(method, f"/v1/jobs/nope{path}")
        assert response.status_code == 404
        assert response.json()["type"] == "urn:relaxd:error:input:unknown-job"


async def test_results_by_status_and_format(client: httpx.AsyncClient) -> None:
    words = ["CC", "unreadable", "CCC", "unreadable", "CCCC"]
    id = await submit(client, words)
    await ended(client, id)
    assert [r["index"] for r in await results(client, id, status="ok")] == [0, 2, 4]
    assert [r["index"] for r in await results(client, id, status="error")] == [1, 3]
    page = await client.get(f"/v1/jobs/{id}/results", params={"format": "extxyz", "limit": 4})
    assert page.headers["Content-Type"] == "chemical/x-xyz"
    assert page.headers["X-Next-Cursor"] == "4"
    assert page.text.count("Properties=") == 2
    following = await client.get(page.links["next"]["url"])
    assert following.text.count("Properties=") == 1
    assert "X-Next-Cursor" not in following.headers
    listed = await client.get(f"/v1/jobs/{id}/results", params={"format": "qcschema"})
    assert len(listed.json()) == 5
    assert (await client.get(f"/v1/jobs/{id}/results?format=pdf")).status_code == 422


async def test_results_come_in_order_while_the_job_runs(serving: Serve, relaxer: Any) -> None:
    async with serving(job_molecules=2) as client:
        relaxer.gate.clear()
        id = await submit(client, ["CC"] * 6)
        page = (await client.get(f"/v1/jobs/{id}/results")).json()
        assert page == {"results": [], "next": "0"}
        relaxer.gate.set()
        seen: list[int] = []
        cursor: str | None = "0"
        while cursor is not None:
            page = (await client.get(f"/v1/jobs/{id}/results", params={"cursor": cursor})).json()
            seen += [r["index"] for r in page["results"]]
            cursor = page["next"]
            await asyncio.sleep(0.01)
        assert seen == [0, 1, 2, 3, 4, 5]


async def test_events_are_numbered_and_resume(serving: Serve) -> None:
    async with serving(job_molecules=1) as client:
        id = await submit(client, ["CC", "CCC"])
        found = await events(client, id)
        assert [int(e["id"]) for e in found] == list(range(1, len(found) + 1))
        kinds = [(e["event"], e["data"].get("state")) for e in found]
        assert kinds[:2] == [("state", "queued"), ("state", "running")]
        assert kinds[-1] == ("state", "succeeded")
        assert found[-2]["data"] == {"total": 2, "ok": 2, "error": 0, "cancelled": 0}
        assert await events(client, id, **{"Last-Event-ID": "2"}) == found[2:]
        assert await events(client, id, **{"Last-Event-ID": found[-1]["id"]}) == []


async def test_cancel_stops_what_runs_and_keeps_what_is_done(serving: Serve) -> None:
    async with serving(job_molecules=1) as client:
        id = await submit(client, ["CC", "CCC", "CCCC", "hang"])
        while (await job(client, id))["counts"]["ok"] < 3:
            await asyncio.sleep(0.02)
        asked = await client.delete(f"/v1/jobs/{id}")
        assert asked.status_code == 202
        assert asked.json()["cancel_requested"] is True
        done = await ended(client, id, seconds=2.0)
        assert done["state"] == "cancelled"
        assert done["counts"] == {"total": 4, "ok": 3, "error": 0, "cancelled": 1}
        found = await results(client, id)
        assert found[3]["error"]["type"] == "urn:relaxd:error:resource:cancelled"
        again = await client.delete(f"/v1/jobs/{id}")
        assert (again.status_code, again.json()["state"]) == (202, "cancelled")
        # The worker is free for others.
        assert (await ended(client, await submit(client, ["CC"])))["state"] == "succeeded"


async def test_cancel_of_a_job_that_waits(serving: Serve) -> None:
    async with serving(job_molecules=1) as client:
        blocking = [await submit(client, ["hang"]) for _ in range(3)]
        waiting = await submit(client, ["CC", "CCC"])
        await client.delete(f"/v1/jobs/{waiting}")
        info = await job(client, waiting)
        assert (info["state"], info["counts"]["cancelled"]) == ("cancelled", 2)
        for id in blocking:
            await client.delete(f"/v1/jobs/{id}")
        for id in blocking:
            assert (await ended(client, id, seconds=3.0))["state"] == "cancelled"


async def test_priority(serving: Serve, relaxer: Any) -> None:
    async with serving(job_molecules=1) as client:
        blocking = await submit(client, ["hang"] * 3)
        low = await submit(client, ["CC"], priority="low")
        high = await submit(client, ["CC"], priority="high")
        await client.delete(f"/v1/jobs/{blocking}")
        first, second = await ended(client, high), await ended(client, low)
        assert first["started_at"] < second["started_at"]


async def test_purge(client: httpx.AsyncClient, tmp_path: Path) -> None:
    running = await submit(client, ["hang"])
    response = await client.delete(f"/v1/jobs/{running}", params={"purge": True})
    assert response.status_code == 409
    assert response.json()["type"] == "urn:relaxd:error:input:job-not-final"
    await client.delete(f"/v1/jobs/{running}")
    await ended(client, running)
    (tmp_path / "journals" / running).mkdir(parents=True)
    gone = await client.delete(f"/v1/jobs/{running}", params={"purge": True})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get(f"/v1/jobs/{running}")).status_code == 404
    assert not (tmp_path / "journals" / running).exists()


async def test_jobs_outlive_the_server(serving: Serve) -> None:
    async with serving() as client:
        done = await submit(client, ["CC"])
        before = await ended(client, done)
    async with serving() as client:
        assert await job(client, done) == before
        assert len(await results(client, done)) == 1


async def test_what_was_running_at_the_drain_is_done_by_the_next_server(serving: Serve) -> None:
    async with serving(job_molecules=1, drain_seconds=0.2) as client:
        id = await submit(client, ["CC", "hang", "hang", "hang", "CCC"])
        await asyncio.sleep(1.0)
    async with serving() as client:
        info = await job(client, id)
        assert info["counts"]["error"] == info["counts"]["cancelled"] == 0
        await client.delete(f"/v1/jobs/{id}")
        assert (await ended(client, id))["state"] == "cancelled"
