"""How soon the page is there, and how it takes 10,000 molecules; in headless Chromium.

    python benchmarks/page.py

One service, one browser, on this machine. First views are of a browser that has nothing in its
cache. The rows are real results of a job; each action is timed until the browser has painted.
"""

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from _report import write
from playwright.sync_api import Browser, Page, sync_playwright

from relaxd.client import Client
from relaxd.service.testing import running_service

N_VIEWS = 7
N_ROWS = 10_000
N_ACTIONS = 5

FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]

PAINTED = """
() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
"""

LOADED = "performance.timing.loadEventEnd - performance.timing.navigationStart"

FIRST_PAINT = """
() => performance.getEntriesByName("first-contentful-paint")[0].startTime
"""

LONG_TASKS = """
() => { window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" }); }
"""


def first_views(browser: Browser, url: str) -> dict[str, float]:
    """Medians over new contexts, ms."""
    painted, loaded = [], []
    for _ in range(N_VIEWS):
        page = browser.new_context().new_page()
        page.goto(url, wait_until="load")
        painted.append(page.evaluate(FIRST_PAINT))
        loaded.append(page.evaluate(LOADED))
        page.context.close()
    return {
        "first_contentful_paint_ms": statistics.median(painted),
        "load_ms": statistics.median(loaded),
    }


def timed(page: Page, act: str) -> float:
    """Median time from an action to the paint after it, ms.

    Args:
        page: with the table.
        act: script of the action; `i` counts its calls.
    """
    script = f"""async (i) => {{ const from = performance.now(); {act};
      await ({PAINTED})(); return performance.now() - from; }}"""
    return statistics.median(page.evaluate(script, i) for i in range(N_ACTIONS))


def many_rows(browser: Browser, url: str) -> dict[str, Any]:
    """Times with a job of `N_ROWS` molecules open."""
    smiles = (f"{'C' * (1 + i % 6)}{'O' * (i % 2)}" for i in range(N_ROWS))
    with Client(url) as client:
        job = client.submit(smiles, name="many")
        job.wait(progress=True)
    page = browser.new_page()
    page.goto(f"{url}/#job={job.id}")
    page.evaluate(LONG_TASKS)
    page.wait_for_function(
        "n => document.querySelector('#page-text').textContent.includes(n)", arg=f"{N_ROWS:,}"
    )
    heading = "document.querySelectorAll('#table-head button')"
    find = "const f = document.querySelector('#filter')"
    figures = {
        "n_rows": N_ROWS,
        "longest_task_while_loading_ms": page.evaluate("window.longest"),
        "sort_ms": timed(page, f"{heading}[1 + i % 3].click()"),
        "filter_ms": timed(
            page, f"{find}; f.value = 'C'.repeat(i + 1); f.dispatchEvent(new Event('input'))"
        ),
        "next_page_ms": timed(page, "document.querySelector('#page-after').click()"),
    }
    page.close()
    return figures


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(log=Path(folder) / "log") as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        figures = {
            "chromium": browser.version,
            "n_first_views": N_VIEWS,
            **first_views(browser, url),
            **many_rows(browser, url),
        }
        browser.close()
    write("page", figures, ("playwright", "uvicorn"))


if __name__ == "__main__":
    main()
