"""Who may call: with and without keys, how often, and how much in a day."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from relaxd.service import Settings
from relaxd.service._loopback import is_loopback
from relaxd.service._metrics import Metrics
from relaxd.service._middleware import Observe
from relaxd.service._problems import ProblemError, add_problem_handlers
from relaxd.service.access._access import (
    Access,
    AccessDep,
    Caller,
    CallerDep,
    ExposedError,
    check_exposed,
)
from relaxd.service.access._guard import Guard, is_open
from relaxd.service.access._known import LOOKUPS, MEMORY_SECONDS, STALE_SECONDS, KnownKeys
from relaxd.service.access._rates import PERIOD, Rates
from relaxd.service.store import Database, KeyInfo, Keys, migrate

from .conftest import Serve

pytestmark = pytest.mark.anyio

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is to be refused
UNKNOWN = f"rlx_{'0' * 24}_{'0' * 64}"


class Clock:
    """The time, which stands still unless it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingKeys(Keys):
    """Counts how often the database is asked; `find` takes as long as it is told to, or fails."""

    n_found = n_any = n_running = most_running = 0
    seconds = 0.0
    error: Exception | None = None

    def find(self, token: str) -> KeyInfo | None:
        self.n_found += 1
        if self.error is not None:
            raise self.error
        self.n_running += 1
        self.most_running = max(self.most_running, self.n_running)
        time.sleep(self.seconds)
        self.n_running -= 1
        return super().find(token)

    def any_active(self) -> bool:
        self.n_any += 1
        return super().any_active()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[CountingKeys]:
    database = Database(f"sqlite:///{tmp_path}/relaxd.db")
    migrate(database)
    yield CountingKeys(database)
    database.close()


def make_app(access: Access, tmp_path: Path) -> FastAPI:
    """An application with one call of its own, the documentation, and mounted folders."""
    app = FastAPI(routes=[Mount("/static", StaticFiles(directory=tmp_path))])
    app.state.access = access

    @app.api_route("/", methods=["GET", "POST"])
    @app.get("/v1/health/live")
    @app.get("/metrics")
    def nothing() -> None: ...

    @app.get("/v1/caller")
    async def tell(caller: CallerDep) -> str:
        return caller.owner

    @app.post("/v1/spend/{n}")
    async def spend(n: int, caller: CallerDep, access: AccessDep) -> None:
        await access.spend(caller, n)

    add_problem_handlers(app)
    app.add_middleware(Guard)
    app.add_middleware(Observe, metrics=Metrics())
    return app


@pytest.fixture
def connect(keys: CountingKeys, clock: Clock, tmp_path: Path) -> Any:
    """Makes an application with these settings, and yields a client of it."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = make_app(Access(Settings(**settings), keys, clock), tmp_path)
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    return start


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(response: httpx.Response) -> str:
    kind: str = response.json()["type"].removeprefix("urn:relaxd:error:")
    return kind


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


async def test_known_keys_cost_no_lookup(connect: Any, keys: CountingKeys, clock: Clock) -> None:
    _, token = keys.create("alice")
    async with connect() as client:
        for _ in range(10):
            assert (await client.get("/v1/caller", headers=bearer(token))).is_success
        assert (keys.n_found, keys.n_any) == (1, 1)
        clock.now += MEMORY_SECONDS
        await client.get("/v1/caller", headers=bearer(token))
        assert (keys.n_found, keys.n_any) == (2, 2)


async def test_revocation_takes_effect(connect: Any, keys: Keys, clock: Clock) -> None:
    info, token = keys.create("alice")
    async with connect(host=EVERYWHERE) as client:
        await client.get("/v1/caller", headers=bearer(token))
        keys.revoke(info.id)
        clock.now += MEMORY_SECONDS
        assert (await client.get("/v1/caller", headers=bearer(token))).status_code == 401


async def test_wrong_keys_fill_no_memory_and_few_threads(keys: CountingKeys, clock: Clock) -> None:
    known = KnownKeys(keys, clock)
    keys.seconds = 0.002
    tokens = [f"rlx_{i:024x}_{'0' * 64}" for i in range(100)]
    assert await asyncio.gather(*map(known.find, tokens)) == [None] * 100
    assert len(known) == 0
    assert keys.most_running <= LOOKUPS


async def test_keys_are_forgotten_in_time(keys: CountingKeys, clock: Clock) -> None:
    known = KnownKeys(keys, clock)
    tokens = [keys.create("alice")[1] for _ in range(5)]
    for token in tokens:
        await known.find(token)
        clock.now += STALE_SECONDS / 4
    assert len(known) == 5
    clock.now += STALE_SECONDS + MEMORY_SECONDS
    assert await known.any_active()
    assert len(known) == 1


async def test_what_was_found_is_believed_while_the_database_is_away(
    keys: CountingKeys, clock: Clock
) -> None:
    known = KnownKeys(keys, clock)
    info, token = keys.create("alice")
    revoked, other = keys.create("bob")
    assert await known.find(token) == info
    assert await known.find(other) == revoked
    keys.revoke(revoked.id)
    clock.now += MEMORY_SECONDS
    assert await known.find(other) is None
    keys.error = OperationalError("SELECT", {}, Exception("gone"))
    clock.now += MEMORY_SECONDS
    assert await known.find(token) == info
    for unknown in (other, "rlx_none"):
        with pytest.raises(ProblemError) as caught:
            await known.find(unknown)
        assert caught.value.problem.type == "urn:relaxd:error:resource:database-away"
    keys.error = None
    assert await known.find(token) == info


async def test_one_lookup_serves_all_who_wait_for_it(keys: CountingKeys, clock: Clock) -> None:
    known = KnownKeys(keys, clock)
    info, token = keys.create("alice")
    keys.seconds = 0.01
    assert await asyncio.gather(*(known.find(token) for _ in range(50))) == [info] * 50
    assert keys.n_found <= LOOKUPS


async def test_too_many_requests(connect: Any, keys: Keys, clock: Clock) -> None:
    _, token = keys.create("alice", requests_per_minute=4)
    _, other = keys.create("bob")
    async with connect(host=EVERYWHERE) as client:
        for _ in range(4):
            assert (await client.get("/v1/caller", headers=bearer(token))).is_success
        response = await client.get("/v1/caller", headers=bearer(token))
        assert (response.status_code, code(response)) == (429, "limit:rate")
        assert response.headers["Retry-After"] == "15"
        assert (await client.get("/v1/caller", headers=bearer(other))).is_success
        assert (await client.get("/v1/health/live", headers=bearer(token))).is_success
        clock.now += 15
        assert (await client.get("/v1/caller", headers=bearer(token))).is_success
        assert (await client.get("/v1/caller", headers=bearer(token))).status_code == 429


@pytest.mark.parametrize("per_minute", [1, 3, 7, 600, 100_000])
def test_a_bucket_holds_the_requests_of_a_minute(per_minute: int, clock: Clock) -> None:
    rates = Rates(clock)
    clock.now = 1e7 / 3
    assert all(rates.take("alice", per_minute) == 0.0 for _ in range(per_minute))
    wait = rates.take("alice", per_minute)
    assert wait == pytest.approx(PERIOD / per_minute, rel=0.05)
    clock.now += wait
    assert rates.take("alice", per_minute) == 0.0
    assert rates.take("alice", per_minute) > 0.0


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    rates = Rates(clock)
    for i in range(1000):
        rates.take(f"key {i}", 60)
        clock.now += 0.1
    assert len(rates) <= PERIOD / 0.1
    clock.now += PERIOD
    rates.take("alice", 60)
    assert len(rates) == 1


async def test_quota(connect: Any, keys: Keys) -> None:
    _, token = keys.create("alice", molecules_per_day=100)
    _, other = keys.create("bob")
    async with connect(host=EVERYWHERE) as client:
        assert (await client.post("/v1/spend/100", headers=bearer(token))).is_success
        response = await client.post("/v1/spend/1", headers=bearer(token))
        assert (response.status_code, code(response)) == (429, "limit:quota")
        assert 0 < int(response.headers["Retry-After"]) <= 86400
        response = await client.post("/v1/spend/101", headers=bearer(token))
        assert (response.status_code, code(response)) == (413, "limit:too-many-molecules")
        assert "Retry-After" not in response.headers
        assert (await client.post("/v1/spend/1000000", headers=bearer(other))).is_success


async def test_what_was_not_accepted_is_given_back(keys: Keys) -> None:
    access = Access(Settings(), keys)
    info, _ = keys.create("alice")
    caller = Caller(info.id, molecules_per_day=10)
    await access.spend(caller, 10)
    await access.give_back(caller, 3)
    with pytest.raises(ProblemError):
        await access.spend(caller, 4)
    await access.spend(caller, 3)
    await access.give_back(Caller(), 10**9)


async def test_a_database_that_is_away_hides_no_refusal(keys: Keys, tmp_path: Path) -> None:
    access = Access(Settings(), keys)
    with keys._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE quotas")
    await access.give_back(Caller("alice", molecules_per_day=10), 1)


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


async def test_what_is_relaxed_counts_unless_it_is_refused(serving: Serve, keys: Keys) -> None:
    _, token = keys.create("alice", molecules_per_day=5)
    async with serving() as client:
        client.headers = httpx.Headers(bearer(token))
        refused = {"molecules": ["C"] * 5, "model": "none"}
        assert (await client.post("/v1/relax", json=refused)).status_code == 422
        assert (await client.post("/v1/relax", json={"molecules": ["C"] * 5})).is_success
        response = await client.post("/v1/relax", json={"molecules": ["C"]})
    assert (response.status_code, code(response)) == (429, "limit:quota")


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
