"""The page and its files, as a browser gets them."""

import os
from pathlib import Path

import httpx
import pytest

from relaxd.service import _page
from relaxd.service.store import Database, Keys

pytestmark = pytest.mark.anyio

FILES = sorted(path for path in _page.FOLDER.rglob("*") if path.is_file())


async def test_the_page_may_only_show_its_own_files(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    policy = dict(part.split(" ", 1) for part in _page.POLICY.split("; "))
    assert response.headers["Content-Security-Policy"] == _page.POLICY
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["connect-src"]) == ("'self'", "'self'")
    assert (await client.head("/")).headers["ETag"] == response.headers["ETag"]


def test_the_libraries_come_with_their_licences() -> None:
    libraries = {path.stem.removesuffix("-min").lower() for path in _page.VENDOR.glob("*.js")}
    licences = {path.stem.lower() for path in (_page.VENDOR / "licenses").iterdir()}
    assert libraries == {"3dmol", "eventsource-parser", "openchemlib"}
    assert libraries <= licences


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_files_are_sent_as_they_are(client: httpx.AsyncClient, path: Path) -> None:
    response = await client.get(f"/static/{path.relative_to(_page.FOLDER)}")
    assert response.content == path.read_bytes()
    assert response.headers["Content-Security-Policy"] == _page.POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again = await client.get(
        str(response.request.url), headers={"If-None-Match": response.headers["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/static/../_app.py", "/static/%2e%2e/_app.py", "/static/none"])
async def test_nothing_else_is_sent(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_large_files_are_compressed(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/vendor/3Dmol-min.js")
    assert response.headers["Content-Encoding"] == "gzip"


async def test_the_page_needs_no_key(client: httpx.AsyncClient, data: None) -> None:
    database = Database(os.environ["RELAXD_DATABASE"])
    Keys(database).create("someone")
    database.close()
    assert (await client.get("/v1/models")).status_code == 401
    assert (await client.get("/")).status_code == 200
    assert (await client.get("/static/page.css")).status_code == 200


async def test_a_page_that_was_not_built_says_how(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_page, "VENDOR", tmp_path / "vendor")
    response = await client.get("/")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:relaxd:error:resource:no-page"
    assert "make page" in response.json()["detail"]
