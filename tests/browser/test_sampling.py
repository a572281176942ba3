"""A job that samples, on the page: it is listed, and its conformers can be looked at."""

import pytest
from playwright.sync_api import Page, expect
from tests.browser.actions import rows, verdict

from relaxd.client import Client


@pytest.mark.slow
def test_a_sampled_molecule_is_shown(page: Page, address: str) -> None:
    with Client(address) as client:
        job = client.sample(["CCO", "nonsense"], n_samples=20, name="some ethanol")
        job.wait(240)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("sample, succeeded: 2 of 2 molecules")).to_be_visible()
    page.get_by_role("button", name="Open job some ethanol").click()
    expect(rows(page)).to_have_count(2)
    rows(page).filter(has_text="CCO").get_by_role("button").click()
    expect(verdict(page)).to_contain_text("Sampled, in its most populated conformer")
    expect(verdict(page)).to_contain_text("Sampled at298.15 K")
    expect(verdict(page)).to_contain_text("of 20")
