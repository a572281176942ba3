"""The page for everyone: by keyboard, by ear, in the dark, on a phone, with a key."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.actions import audit, drop, relax, relaxed, rows, verdict

from relaxd.service.testing import running_service

Screenshot = Callable[[str], None]

DARK = {"color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize(
    "page",
    [{}, DARK, PHONE, PHONE | DARK],
    ids=["light", "dark", "phone", "phone-dark"],
    indirect=True,
)
def test_axe_finds_nothing(
    page: Page, screenshot: Screenshot, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    assert audit(page) == []
    screenshot(f"first-view-{name}")
    relaxed(page, "CC(=O)Nc1ccc(O)cc1 paracetamol")
    page.get_by_label("Displacement").check()
    assert audit(page) == []
    drop(page, "two.smi", "CCO ethanol\nC1CC typo\n")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#batch-status")).to_contain_text(re.compile(r"^\d+ molecules?: "))
    assert audit(page) == []
    screenshot(f"everything-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_all_by_keyboard(page: Page) -> None:
    """From the first Tab to a turned molecule, without a pointer."""
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "smiles":
            break
    page.keyboard.type("OCC(O)CO")
    page.keyboard.press("Enter")
    expect(verdict(page)).to_contain_text("Converged after")
    view = page.get_by_role("application")
    view.focus()
    before = view.screenshot()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert view.screenshot() != before
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


def test_what_changes_is_announced(page: Page) -> None:
    relaxed(page, "CCO")
    said = page.get_by_role("status").filter(has_text="Converged after")
    expect(said).to_have_count(1)


def test_nothing_is_fetched_from_elsewhere(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    relaxed(page, "CCO")
    page.get_by_role("button", name="Sketch").click()
    expect(page.get_by_role("dialog", name="Sketch").locator("canvas").first).to_be_visible()
    assert asked
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []


def test_a_server_that_is_gone_is_said(page: Page, faults: list[str]) -> None:
    page.route("**/v1/relax", lambda route: route.abort())
    relax(page, "CCO")
    box = page.get_by_label("Molecules, one per line")
    expect(box).to_have_accessible_description(re.compile("server|reach|connect", re.IGNORECASE))
    faults[:] = [fault for fault in faults if "ERR_FAILED" not in fault]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A service that needs a key, and a key."""
    folder: Path = tmp_path_factory.mktemp("locked")
    database = f"sqlite:///{folder / 'relaxd.db'}"
    made = subprocess.run(
        [sys.executable, "-m", "relaxd.service", "keys", "create", "chemist"],
        env=os.environ | {"RELAXD_DATABASE": database},
        capture_output=True,
        text=True,
        check=True,
    )
    (key,) = re.findall(r"rlx\S+|relaxd\S+", made.stdout) or [made.stdout.split()[-1]]
    with running_service(f"--database={database}", log=folder / "log") as url:
        yield url, key


def test_the_key_is_asked_for(page: Page, locked: tuple[str, str]) -> None:
    address, key = locked
    page.goto(address)
    dialog = page.get_by_role("dialog", name="API key")
    dialog.get_by_label("Key", exact=True).fill("wrong")
    dialog.get_by_role("button", name="Use key").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Key", exact=True).fill(key)
    dialog.get_by_role("button", name="Use key").click()
    relaxed(page, "CCO")
    page.reload()
    relaxed(page, "CC")
    expect(dialog).to_be_hidden()
