"""API keys: found by their tokens only, and never above their quota."""

import hashlib
import hmac
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import select

from relaxd.service.store import Database, Keys, _keys, id_in
from relaxd.service.store._tables import KeyRow, QuotaRow

DAY = 86400.0


@pytest.fixture
def keys(database):
    return Keys(database)


@pytest.fixture
def noon(clock):
    """Puts the time to noon of UTC, far from any other day."""
    clock.advance((DAY / 2 - clock()) % DAY)


def spent(database):
    """Molecules by key and day."""
    with database.read() as connection:
        rows = connection.execute(select(QuotaRow.__table__)).all()
    return {(row.key_id, row.day): row.molecules for row in rows}


def test_a_key_is_found_by_its_token(keys):
    info, token = keys.create("alice", requests_per_minute=60, molecules_per_day=1000)
    assert re.fullmatch(f"rlx_{info.id}_[0-9a-f]{{64}}", token)
    assert id_in(token) == info.id
    assert keys.find(token) == info
    assert (info.name, info.requests_per_minute, info.molecules_per_day) == ("alice", 60, 1000)
    assert info.created_at == pytest.approx(time.time(), abs=60)
    assert info.revoked_at is None


def test_only_the_hash_of_a_token_is_kept(keys, database):
    _, token = keys.create("alice")
    with database.read() as connection:
        (row,) = connection.execute(select(KeyRow.__table__)).all()
    assert row.hash == hashlib.sha256(token.encode()).hexdigest()
    assert token.rpartition("_")[2] not in str(row)


def test_tokens_differ(keys):
    made = [keys.create("alice") for _ in range(20)]
    assert len({info.id for info, _ in made}) == 20
    assert len({token for _, token in made}) == 20


def test_other_tokens_find_nothing(keys):
    _, right = keys.create("alice")
    _, other = keys.create("bob")
    secret_of_bob = right[: right.rindex("_")] + other[other.rindex("_") :]
    changed = right[:-1] + ("0" if right[-1] != "0" else "1")
    unknown = f"rlx_{'0' * 24}_{right.rpartition('_')[2]}"
    shapeless = ["", "rlx", right[:-1], f"{right} ", f"{right}\n", right.upper(), "\0", "µ" * 99]
    for token in [secret_of_bob, changed, unknown, *shapeless, "rlx_%_%", "a" * 10**5]:
        assert keys.find(token) is None
    assert [id_in(token) for token in shapeless] == [None] * len(shapeless)


def test_an_unknown_id_costs_the_same_comparison(keys, monkeypatch):
    compared, really = [], hmac.compare_digest

    def compare(given, kept):
        compared.append((len(given), len(kept)))
        return really(given, kept)

    _, right = keys.create("alice")
    monkeypatch.setattr(_keys.hmac, "compare_digest", compare)
    for token in [right, right[:-64] + "0" * 64, f"rlx_{'0' * 24}_{'0' * 64}"]:
        keys.find(token)
    assert compared == [(64, 64)] * 3


def test_a_revoked_key_is_not_found(keys, clock):
    info, token = keys.create("alice")
    assert keys.revoke(info.id)
    assert keys.find(token) is None
    (revoked,) = keys.all()
    clock.advance(60)
    assert keys.revoke(info.id)
    assert keys.all() == [revoked]
    assert not keys.revoke("nobody")


def test_all_are_listed_in_their_order(keys, clock):
    names = ["c", "a", "b"]
    for name in names:
        keys.create(name)
        clock.advance(1)
    assert [info.name for info in keys.all()] == names


def test_any_active(keys):
    assert not keys.any_active()
    first, _ = keys.create("alice")
    second, _ = keys.create("bob")
    keys.revoke(first.id)
    assert keys.any_active()
    keys.revoke(second.id)
    assert not keys.any_active()


def test_a_quota_is_used_up_and_begins_anew_at_midnight(keys, clock, noon):
    info, _ = keys.create("alice")
    assert keys.spend(info.id, 60, 100) is None
    assert keys.spend(info.id, 40, 100) is None
    assert keys.spend(info.id, 1, 100) == pytest.approx(DAY / 2, abs=60)
    clock.advance(DAY / 2)
    assert keys.spend(info.id, 100, 100) is None
    assert keys.spend(info.id, 1, 100) == pytest.approx(DAY, abs=60)


def test_what_is_refused_is_not_counted(keys, database, noon):
    info, _ = keys.create("alice")
    assert keys.spend(info.id, 101, 100) is not None
    assert spent(database) == {}
    keys.spend(info.id, 70, 100)
    assert keys.spend(info.id, 31, 100) is not None
    assert keys.spend(info.id, 30, 100) is None
    assert list(spent(database).values()) == [100]


def test_a_quota_that_was_lowered(keys, noon):
    info, _ = keys.create("alice")
    keys.spend(info.id, 70, 100)
    assert keys.spend(info.id, 1, 50) is not None


def test_each_key_has_its_own_quota(keys, noon):
    first, _ = keys.create("alice")
    second, _ = keys.create("bob")
    assert keys.spend(first.id, 10, 10) is None
    assert keys.spend(second.id, 10, 10) is None


def test_what_is_given_back_can_be_spent(keys, database, noon):
    info, _ = keys.create("alice")
    keys.spend(info.id, 10, 10)
    keys.give_back(info.id, 4)
    assert keys.spend(info.id, 5, 10) is not None
    assert keys.spend(info.id, 4, 10) is None


def test_more_than_was_spent_today_is_not_given_back(keys, database, clock, noon):
    info, _ = keys.create("alice")
    keys.give_back(info.id, 4)
    keys.spend(info.id, 10, 10)
    keys.give_back(info.id, 11)
    clock.advance(DAY)
    keys.give_back(info.id, 4)
    assert list(spent(database).values()) == [10]


def test_spending_at_once_stays_within_the_quota(url, clock, noon):
    with closing(Database(url, clock)) as database:
        info, _ = Keys(database).create("alice")

    def spend(_):
        with closing(Database(url, clock)) as own:
            keys = Keys(own)
            return sum(keys.spend(info.id, 3, 100) is None for _ in range(10))

    with ThreadPoolExecutor(8) as threads:
        granted = sum(threads.map(spend, range(8)))
    assert granted == 33
    with closing(Database(url)) as database:
        assert list(spent(database).values()) == [99]
