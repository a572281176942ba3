"""DFT from the page: live curves, the saving as measured, cancelling."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.actions import relaxed, verdict

Screenshot = Callable[[str], None]


def status(page: Page) -> str:
    return page.locator("#refine-status").inner_text()


@pytest.mark.slow
def test_a_molecule_is_refined_and_the_saving_measured(page: Page, screenshot: Screenshot) -> None:
    relaxed(page, "CO methanol")
    page.get_by_label("Level").select_option("fast")
    page.get_by_label(re.compile("Also from the force-field start")).check()
    page.get_by_role("button", name="Refine with DFT").click()
    expect(page.get_by_role("img", name=re.compile("Energy against"))).to_be_visible()
    said = page.locator("#saving-measured")
    expect(said).to_contain_text(re.compile(r"\d+ gradients?"), timeout=300_000)
    expect(said).to_contain_text("from the start")
    page.get_by_text("Steps as a table").click()
    steps = page.get_by_role("region", name="Table of steps").locator("tbody tr")
    assert steps.count() >= 4
    page.get_by_role("button", name="Show refined geometry").click()
    expect(verdict(page)).to_contain_text(re.compile(r"DFT \(.+\) converged after \d+ gradients?"))
    screenshot("refined")


@pytest.mark.slow
def test_a_refinement_is_cancelled(page: Page) -> None:
    relaxed(page, "CC(=O)Oc1ccccc1C(=O)O")
    page.get_by_role("button", name="Refine with DFT").click()
    page.get_by_role("button", name="Cancel refinement").click(timeout=20_000)
    expect(page.locator("#refine-status")).to_contain_text(
        re.compile("cancelled", re.IGNORECASE), timeout=30_000
    )
    expect(page.get_by_role("button", name="Refine with DFT")).to_be_enabled()


def test_an_error_of_dft_is_shown_where_it_arose(page: Page) -> None:
    relaxed(page, "CO")
    page.get_by_label("Level").select_option("skala")
    page.get_by_role("button", name="Refine with DFT").click()
    error = page.locator("#refine-error, #refine-status").filter(
        has_text=re.compile("skala", re.IGNORECASE)
    )
    expect(error.first).to_be_visible(timeout=120_000)
