"""Who may call: with and without keys."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.service import Settings
from relaxd.service._loopback import is_loopback
from relaxd.service.access._access import Access, ExposedError, check_exposed
from relaxd.service.access._guard import is_open
from relaxd.service.access._known import MEMORY_SECONDS
from relaxd.service.store import Keys

from ..conftest import Serve
from .doubles import EVERYWHERE, UNKNOWN, Clock, CountingKeys, bearer, code, make_app

pytestmark = pytest.mark.anyio


async def test_loopback_without_keys_needs_none(connect: Any) -> None:
    async with connect() as client:
        response = await client.get("/v1/caller")
        assert (response.status_code, response.json()) == (200, "")
        response = await client.get("/v1/caller", headers=bearer(UNKNOWN))
        assert (response.status_code, response.json()) == (200, "")


async def test_loopback_needs_one_as_soon_as_there_is_one(
    connect: Any, keys: Keys, clock: Clock
) -> None:
    async with connect() as client:
        assert (await client.get("/v1/caller")).is_success
        info, token = keys.create("alice")
        clock.now += MEMORY_SECONDS
        assert (await client.get("/v1/caller")).status_code == 401
        assert (await client.get("/v1/caller", headers=bearer(token))).json() == info.id
        keys.revoke(info.id)
        clock.now += MEMORY_SECONDS
        assert (await client.get("/v1/caller")).json() == ""


async def test_other_addresses_always_need_one(connect: Any, keys: Keys) -> None:
    async with connect(host=EVERYWHERE) as client:
        assert (await client.get("/v1/caller")).status_code == 401
        info, token = keys.create("alice")
        assert (await client.get("/v1/caller", headers=bearer(token))).json() == info.id


async def test_insecure_needs_none_and_ignores_any(connect: Any, keys: CountingKeys) -> None:
    _, token = keys.create("alice", requests_per_minute=1)
    async with connect(host=EVERYWHERE, insecure=True) as client:
        for _ in range(3):
            response = await client.get("/v1/caller", headers=bearer(token))
            assert (response.status_code, response.json()) == (200, "")
    assert (keys.n_found, keys.n_any) == (0, 0)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YWxpY2U6", "rlx", f"Bearer {UNKNOWN}", "Bearer \xe9" * 9],
)
async def test_refusals_are_problems_of_one_form(connect: Any, header: str) -> None:
    async with connect(host=EVERYWHERE) as client:
        response = await client.get("/v1/caller", headers={"Authorization": header.encode("latin")})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert code(response) == "input:unauthorized"
    assert response.json()["instance"].endswith(response.headers["X-Request-Id"])


async def test_the_scheme_is_spelled_in_any_way(connect: Any, keys: Keys) -> None:
    info, token = keys.create("alice")
    async with connect(host=EVERYWHERE) as client:
        for header in (f"bearer {token}", f"BEARER  {token}"):
            response = await client.get("/v1/caller", headers={"Authorization": header})
            assert response.json() == info.id


async def test_a_path_is_closed_unless_it_is_listed(connect: Any, tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("")
    async with connect(host=EVERYWHERE) as client:
        for path in ["/", "/v1/health/live", "/static/page.js"]:
            assert (await client.get(path)).is_success, path
        closed = ["/v1/caller", "/metrics", "/docs", "/redoc", "/openapi.json", "/nothing"]
        odd = ["/static", "/v1/health/", "/v1/health/live/", "/V1/caller", "/page.js"]
        for path in closed + odd:
            assert (await client.get(path)).status_code == 401, path
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "MADE-UP"]:
            assert (await client.request(method, "/")).status_code == 401, method
        for path in ["/static/../v1/caller", "/static/%2e%2e/v1/caller", "/static/..%2fmetrics"]:
            assert (await client.get(path)).status_code in (401, 404), path


def test_what_is_open() -> None:
    assert is_open("HEAD", "/v1/health/ready")
    assert not is_open("GET", "/v1/jobs")
    assert not is_open("POST", "/static/x")


async def test_websockets_are_closed(keys: Keys, tmp_path: Path) -> None:
    app = make_app(Access(Settings(), keys), tmp_path)
    sent = []

    @app.websocket("/socket")
    async def talk() -> None:
        raise AssertionError

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": "/socket", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close"}]


async def test_without_access_nothing_passes(connect: Any, keys: Keys, tmp_path: Path) -> None:
    app = make_app(Access(Settings(), keys), tmp_path)
    del app.state.access
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/caller")).status_code == 500


async def test_a_refused_key_is_logged_without_its_secret(
    connect: Any, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    info, token = keys.create("alice")
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    async with connect(host=EVERYWHERE) as client:
        with caplog.at_level(logging.WARNING, "relaxd"):
            await client.get("/v1/caller", headers=bearer(wrong))
            await client.get("/v1/caller", headers=bearer("my password"))
    first, second = caplog.messages
    assert info.id in first
    assert "192.0.2.7" in first
    assert wrong[-20:] not in caplog.text
    assert "password" not in second


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host: str, keys: CountingKeys) -> None:
    assert is_loopback(host)
    check_exposed(Settings(host=host), keys)
    assert keys.n_any == 0


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.0.1", "example.org", ""])
def test_other_addresses_need_a_key_or_a_word(host: str, keys: Keys) -> None:
    with pytest.raises(ExposedError, match="relaxd keys create NAME"):
        check_exposed(Settings(host=host), keys)
    check_exposed(Settings(host=host, insecure=True), keys)
    info, _ = keys.create("alice")
    check_exposed(Settings(host=host), keys)
    keys.revoke(info.id)
    with pytest.raises(ExposedError, match="other machines"):
        check_exposed(Settings(host=host), keys)


async def test_the_service_opens_only_what_it_has_to(serving: Serve, keys: Keys) -> None:
    async with serving(host=EVERYWHERE) as client:
        _, token = keys.create("alice")
        spec = (await client.get("/openapi.json", headers=bearer(token))).json()
        calls = [(method, path) for path, known in spec["paths"].items() for method in known]
        hidden = ["/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css"]
        for method, path in [*calls, *(("get", path) for path in hidden)]:
            response = await client.request(method, path.replace("{job_id}", "1"))
            is_health = path.startswith("/v1/health/")
            assert (response.status_code == 401) != is_health, path
        assert {("post", "/v1/relax"), ("post", "/v1/jobs"), ("get", "/metrics")} < set(calls)
        for path in [*hidden, "/v1/models", "/metrics"]:
            assert (await client.get(path, headers=bearer(token))).is_success, path


async def test_jobs_are_seen_by_their_own_key_only(serving: Serve, keys: Keys) -> None:
    _, mine = keys.create("alice")
    _, other = keys.create("bob")
    async with serving() as client:
        made = await client.post("/v1/jobs", json={"molecules": ["C"]}, headers=bearer(mine))
        assert made.status_code == 202
        for path in [made.headers["Location"], f"{made.headers['Location']}/results"]:
            assert (await client.get(path, headers=bearer(mine))).is_success
            assert (await client.get(path, headers=bearer(other))).status_code == 404
        assert (await client.get("/v1/jobs", headers=bearer(other))).json()["jobs"] == []
