"""What tests of jobs ask the service for."""

import asyncio
from typing import Any

import httpx

FINAL = ("succeeded", "failed", "cancelled")


async def submit(client: httpx.AsyncClient, molecules: list[Any], **options: Any) -> str:
    """Submit a job and return its id."""
    response = await client.post("/v1/jobs", json={"molecules": molecules, **options})
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def job(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    response = await client.get(f"/v1/jobs/{job_id}")
    assert response.status_code == 200
    return dict(response.json())


async def ended(client: httpx.AsyncClient, job_id: str, seconds: float = 60.0) -> dict[str, Any]:
    """Wait for the end of a job."""
    async with asyncio.timeout(seconds):
        while (info := await job(client, job_id))["state"] not in FINAL:
            await asyncio.sleep(0.02)
    return info


async def results(client: httpx.AsyncClient, job_id: str, **query: Any) -> list[dict[str, Any]]:
    """All results of a job, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = "0"
    while cursor is not None:
        response = await client.get(
            f"/v1/jobs/{job_id}/results", params={"cursor": cursor, "limit": 2, **query}
        )
        assert response.status_code == 200
        page = response.json()
        found += page["results"]
        cursor = page["next"]
    return found
