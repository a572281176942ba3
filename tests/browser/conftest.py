"""The page in headless Chromium, against a real service."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from relaxd.service.testing import running_service

ROOT = Path(__file__).parents[2]

SCREENSHOTS = ROOT / "out" / "screenshots"
"""Kept after the tests, to look at."""

FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

TIMEOUT = 60_000
"""Longest wait for what should happen; the machine may be busy. Unit: ms."""

Screenshot = Callable[[str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.browser)
        if _chromium() is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium"))


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with the model that ships."""
    log = tmp_path_factory.mktemp("service") / "log"
    with running_service(log=log) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of a module: as long as it is open, no other test of this process can have an event loop.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def faults() -> list[str]:
    """What the browser complains of; a test that expects complaints takes them out."""
    return []


@pytest.fixture
def page(
    browser: Browser, address: str, faults: list[str], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The page, just opened; `indirect` parameters are options of the browser's context.

    A script that fails, or does what the page's policy forbids, fails the test.
    """
    options = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    context = browser.new_context(accept_downloads=True, base_url=address, **options)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    expect.set_options(timeout=TIMEOUT)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: _keep_fault(message, faults))
    page.goto("/")
    yield page
    context.close()
    assert faults == []


def _keep_fault(message: ConsoleMessage, faults: list[str]) -> None:
    # Chromium logs every answer of 400 and above; what the page makes of it is tested.
    if message.type == "error" and "the server responded with a status" not in message.text:
        faults.append(message.text)


@pytest.fixture
def screenshot(page: Page) -> Screenshot:
    """Keeps what the page looks like."""

    def take(name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
