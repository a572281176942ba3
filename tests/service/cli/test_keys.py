"""`relaxd keys`: tokens on standard output, words on standard error."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from relaxd.service.store import Database, Keys

from .conftest import Run, message


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/keys/relaxd.db"


@pytest.fixture
def keys(url: str) -> Iterator[Keys]:
    """The keys that a service would see."""
    with closing(Database(url)) as database:
        yield Keys(database)


def test_the_token_is_all_of_standard_output(run: Run, url: str, keys: Keys) -> None:
    outcome = run(
        *("keys", "create", "alice", "--database", url),
        *("--requests-per-minute", 60, "--molecules-per-day", 1000),
    )
    assert outcome.exit_code == 0
    assert outcome.stdout.endswith("\n")
    info = keys.find(outcome.stdout.removesuffix("\n"))
    assert info is not None
    assert (info.name, info.requests_per_minute, info.molecules_per_day) == ("alice", 60, 1000)
    assert info.id in outcome.stderr
    assert outcome.stdout.strip() not in outcome.stderr


def test_nothing_bounds_a_key_unless_asked(run: Run, url: str, keys: Keys) -> None:
    run("keys", "create", "alice", "--database", url)
    (info,) = keys.all()
    assert (info.requests_per_minute, info.molecules_per_day) == (None, None)


def test_the_database_is_that_of_the_service(
    run: Run, url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAXD_DATABASE", url)
    assert run("keys", "create", "alice").exit_code == 0
    assert [info.name for info in keys.all()] == ["alice"]


def test_list(run: Run, url: str, keys: Keys) -> None:
    names = ["alice", "a name that is as long as the longest name of all may be, so 64"]
    tokens = [run("keys", "create", name, "--database", url).stdout.strip() for name in names]
    keys.revoke(keys.all()[0].id)
    lines = run("keys", "list", "--database", url).stdout.splitlines()
    assert len(lines) == 3
    for line, info, name, token in zip(lines[1:], keys.all(), names, tokens, strict=True):
        assert info.id in line
        assert name in line
        assert token[-64:] not in line
        times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", line)
        assert len(times) == (1 if info.revoked_at is None else 2)


def test_revoke(run: Run, url: str, keys: Keys) -> None:
    tokens = [run("keys", "create", "alice", "--database", url).stdout.strip() for _ in range(2)]
    first, second = keys.all()
    outcome = run("keys", "revoke", first.id, "--database", url)
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "no key is left" not in outcome.stderr
    assert [keys.find(token) for token in tokens] == [None, second]
    assert "no key is left" in run("keys", "revoke", second.id, "--database", url).stderr


def test_revoke_of_no_key(run: Run, url: str) -> None:
    outcome = run("keys", "revoke", "nobody", "--database", url)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "no key nobody" in outcome.stderr


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "\x1b[2J", "x" * 65])
def test_names_that_are_none(run: Run, url: str, name: str) -> None:
    outcome = run("keys", "create", name, "--database", url)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "one line" in message(outcome)


@pytest.mark.parametrize("option", ["--requests-per-minute", "--molecules-per-day"])
def test_bounds_are_positive(run: Run, url: str, option: str) -> None:
    assert run("keys", "create", "alice", "--database", url, option, 0).exit_code == 2


@pytest.mark.parametrize(
    "database", ["nonsense", "sqlite:////dev/null/relaxd.db", "postgresql://relaxd@127.0.0.1:1/x"]
)
def test_a_database_that_cannot_be_used(run: Run, database: str) -> None:
    outcome = run("keys", "create", "alice", "--database", database)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "the database cannot be used" in outcome.stderr
