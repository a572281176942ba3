"""What keeps web pages out of a service on loopback that needs no key."""

from typing import Any

import httpx
import pytest

from relaxd.service.store import Database, Keys

from .conftest import Serve

pytestmark = pytest.mark.anyio

RELAX: dict[str, Any] = {"method": "POST", "url": "/v1/relax", "json": {"molecules": ["CC"]}}
SUBMIT: dict[str, Any] = {"method": "POST", "url": "/v1/jobs", "json": {"molecules": ["CC"]}}
CANCEL: dict[str, Any] = {"method": "DELETE", "url": "/v1/jobs/none"}
LIST: dict[str, Any] = {"method": "GET", "url": "/v1/jobs"}


def code(response: httpx.Response) -> str:
    kind: str = response.json()["type"].removeprefix("urn:relaxd:error:")
    return kind


@pytest.mark.parametrize("call", [RELAX, SUBMIT, CANCEL, LIST])
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"),
        *("192.168.1.2", "0.0.0.0", "[::]:8000", "[", ""),  # noqa: S104
    ],
)
async def test_names_that_are_not_this_machine_are_refused(
    client: httpx.AsyncClient, host: str, call: dict[str, Any]
) -> None:
    response = await client.request(**call, headers={"Host": host})
    assert (response.status_code, code(response)) == (400, "input:invalid-host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.9:80", "[::1]", "[::1]:8000"]
)
async def test_names_of_this_machine_pass(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.request(**LIST, headers={"Host": host})).is_success


@pytest.mark.parametrize("call", [RELAX, SUBMIT, CANCEL])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_pages_of_other_origins_change_nothing(
    client: httpx.AsyncClient, call: dict[str, Any], site: str
) -> None:
    response = await client.request(**call, headers={"Sec-Fetch-Site": site})
    assert (response.status_code, code(response)) == (400, "input:cross-site")
    assert (await client.request(**LIST)).json()["jobs"] == []


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_the_page_of_the_service_may_call_it(client: httpx.AsyncClient, site: str) -> None:
    assert (await client.request(**SUBMIT, headers={"Sec-Fetch-Site": site})).is_success


async def test_health_is_told_to_all(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/health/live", headers={"Host": "evil.example"})).is_success


async def test_behind_a_proxy_any_name_passes_but_no_page(serving: Serve) -> None:
    async with serving(insecure=True) as client:
        elsewhere = {"Host": "relaxd.example"}
        assert (await client.request(**RELAX, headers=elsewhere)).is_success
        refused = await client.request(
            **RELAX, headers=elsewhere | {"Sec-Fetch-Site": "cross-site"}
        )
        assert code(refused) == "input:cross-site"


async def test_with_a_key_any_name_and_page_pass(serving: Serve, tmp_path: Any) -> None:
    async with serving() as client:
        database = Database(f"sqlite:///{tmp_path / 'relaxd.db'}")
        _, token = Keys(database).create("alice")
        database.close()
        headers = {"Host": "relaxd.example", "Sec-Fetch-Site": "cross-site"}
        headers["Authorization"] = f"Bearer {token}"
        assert (await client.request(**RELAX, headers=headers)).is_success
