"""Keys that were looked up are remembered, for a time."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from relaxd.service._problems import ProblemError
from relaxd.service.access._known import LOOKUPS, MEMORY_SECONDS, STALE_SECONDS, KnownKeys
from relaxd.service.store import Keys

from .doubles import EVERYWHERE, Clock, CountingKeys, bearer

pytestmark = pytest.mark.anyio


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
