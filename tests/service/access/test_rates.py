"""How often a key may call, and how much in a day."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.service import Settings
from relaxd.service._problems import ProblemError
from relaxd.service.access._access import Access, Caller
from relaxd.service.access._rates import PERIOD, Rates
from relaxd.service.store import Keys

from ..conftest import Serve
from .doubles import EVERYWHERE, Clock, bearer, code

pytestmark = pytest.mark.anyio


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


async def test_what_is_relaxed_counts_unless_it_is_refused(serving: Serve, keys: Keys) -> None:
    _, token = keys.create("alice", molecules_per_day=5)
    async with serving() as client:
        client.headers = httpx.Headers(bearer(token))
        refused = {"molecules": ["C"] * 5, "model": "none"}
        assert (await client.post("/v1/relax", json=refused)).status_code == 422
        assert (await client.post("/v1/relax", json={"molecules": ["C"] * 5})).is_success
        response = await client.post("/v1/relax", json={"molecules": ["C"]})
    assert (response.status_code, code(response)) == (429, "limit:quota")
