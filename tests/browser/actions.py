"""What a person does on the page."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

DROP = """
([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""


def relax(page: Page, text: str) -> None:
    """Type one molecule or more and press the button."""
    page.get_by_label("Molecules, one per line").fill(text)
    page.get_by_role("button", name="Relax", exact=True).click()


def relaxed(page: Page, text: str) -> None:
    """Relax one molecule and wait for the verdict."""
    relax(page, text)
    expect(verdict(page)).to_contain_text("Converged after")


def verdict(page: Page) -> Locator:
    return page.get_by_role("region", name="Verdict")


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file onto the page."""
    page.evaluate(DROP, [name, text])


def rows(page: Page) -> Locator:
    """The rows of the batch."""
    return page.get_by_role("region", name="Table of molecules").locator("tbody tr")


def audit(page: Page) -> list[str]:
    """What axe finds wrong for those who cannot see or point."""
    source = Path(__file__).parents[2] / "service/node_modules/axe-core/axe.min.js"
    page.evaluate(source.read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(r => r.violations)")
    return [f"{v['id']}: {json.dumps([n['target'] for n in v['nodes']])}" for v in found]
