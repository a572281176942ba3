"""One molecule: typed, relaxed, looked at, measured, saved."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from matplotlib.image import imread
from playwright.sync_api import Page, expect
from rdkit import Chem
from tests.browser.actions import relax, relaxed, verdict

Screenshot = Callable[[str], None]


def picture(page: Page) -> np.ndarray:
    """What the 3D view shows, (height, width, 3), 0 to 1."""
    png = page.get_by_role("application").screenshot()
    return np.asarray(imread(io.BytesIO(png))[..., :3])


def middle(mask: np.ndarray) -> tuple[float, float]:
    """x and y of the middle of what is marked in a picture."""
    y, x = np.nonzero(mask)
    return float(x.mean()), float(y.mean())


def shown(page: Page) -> float:
    """How much of the view is not background, 0 to 1."""
    seen = picture(page)
    return float((np.abs(seen - seen[5, 5]).max(-1) > 0.05).mean())


def test_a_smiles_is_relaxed_and_judged(page: Page, screenshot: Screenshot) -> None:
    relaxed(page, "CC(=O)Oc1ccccc1C(=O)O aspirin")
    said = verdict(page)
    expect(said).to_contain_text("aspirin")
    expect(said).to_contain_text("Bonds and stereochemistry are as they were.")
    expect(said).to_contain_text("Inside what the model was trained on.")
    expect(said).to_contain_text("Made by the diffusion model relaxd-small.")
    expect(said).to_contain_text(re.compile(r"Energy used.*(mWh|Wh|J).*estimated"))
    expect(page.get_by_role("application")).to_have_accessible_name(re.compile("C9H8O4"))
    page.wait_for_timeout(500)
    assert shown(page) > 0.02
    screenshot("relaxed")


def test_enter_relaxes(page: Page) -> None:
    page.get_by_label("Molecules, one per line").fill("CCO")
    page.keyboard.press("Enter")
    expect(verdict(page)).to_contain_text("Converged after")


def test_an_example_is_one_click_away(page: Page) -> None:
    page.get_by_role("button", name="Vanillin").click()
    expect(verdict(page)).to_contain_text("Converged after")


def test_outside_the_domain_the_fallback_is_named(page: Page) -> None:
    relaxed(page, "CS(C)=O")
    expect(verdict(page)).to_contain_text("Outside what the model was trained on.")
    expect(verdict(page)).to_contain_text("Made by GFN2-xTB, because")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("C1CC", "not a SMILES"), ("[Fe]", "metal"), ("   ", "Type a molecule")],
)
def test_a_bad_molecule_is_explained_at_the_box(page: Page, text: str, reason: str) -> None:
    relax(page, text)
    box = page.get_by_label("Molecules, one per line")
    expect(box).to_have_accessible_description(re.compile(rf"{reason}", re.IGNORECASE))
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    relaxed(page, "CCO")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)


def test_charge_and_multiplicity_are_options(page: Page) -> None:
    page.get_by_text("Options").click()
    page.get_by_label("Charge").fill("1")
    relax(page, "CCO")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(
        re.compile("charge", re.IGNORECASE)
    )
    page.get_by_label("Charge").fill("0")
    page.get_by_label("Multiplicity").fill("3")
    relaxed(page, "O=O")
    expect(verdict(page)).to_contain_text("0, 3")


@pytest.mark.java
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java")
def test_a_name_is_relaxed(page: Page) -> None:
    page.get_by_label("IUPAC name").check()
    relaxed(page, "2-acetyloxybenzoic acid")
    expect(page.get_by_role("application")).to_have_accessible_name(re.compile("C9H8O4"))


def test_start_and_relaxed_are_told_apart(page: Page) -> None:
    relaxed(page, "OCC(O)CO")
    pictures = []
    for name in ("Start", "Relaxed", "Both, start in violet"):
        page.get_by_label(name, exact=True).check()
        page.wait_for_timeout(300)
        pictures.append(picture(page))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (np.abs(pictures[i] - pictures[j]).max(-1) > 0.1).mean() > 1e-3


def test_atoms_are_coloured_by_how_far_they_moved(page: Page) -> None:
    relaxed(page, "OCC(O)CO")
    page.get_by_label("Relaxed", exact=True).check()
    before = picture(page)
    page.get_by_label("Displacement").check()
    page.wait_for_timeout(300)
    assert (np.abs(picture(page) - before).max(-1) > 0.1).mean() > 1e-3
    expect(page.get_by_text(re.compile(r"^\d\.\d+ Å$")).first).to_be_visible()


def test_the_relaxation_is_played_step_by_step(page: Page) -> None:
    relaxed(page, "OCC(O)CO")
    slider = page.get_by_label("Relaxation", exact=True)
    text = page.locator("#step-text")
    slider.focus()
    page.keyboard.press("Home")
    expect(text).to_have_text(re.compile("start", re.IGNORECASE))
    first = picture(page)
    page.keyboard.press("ArrowRight")
    expect(text).to_have_text(re.compile(r"step 1 of \d+", re.IGNORECASE))
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    assert (np.abs(picture(page) - first).max(-1) > 0.1).mean() > 1e-4
    page.get_by_role("button", name="Play").click()
    expect(text).not_to_have_text(re.compile(r"step (\d+) of \1", re.IGNORECASE))
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)


def test_a_distance_is_measured_by_clicking(page: Page) -> None:
    """C=O in formaldehyde at B3LYP/6-31G(2df,p): 1.20 Angstrom."""
    relaxed(page, "C=O")
    page.get_by_label("Relaxed", exact=True).check()
    page.wait_for_timeout(500)
    seen = picture(page)
    red, green, blue = seen[..., 0], seen[..., 1], seen[..., 2]
    oxygen = middle((red > 0.5) & (green < 0.35) & (blue < 0.35))
    grey = (np.abs(red - green) < 0.05) & (np.abs(red - blue) < 0.05)
    carbon = middle(grey & (red > 0.3) & (red < 0.65))
    for x, y in (oxygen, carbon):
        page.get_by_role("application").click(position={"x": x, "y": y})
    values = page.locator("#measure-values")
    expect(values).to_contain_text(re.compile(r"1\.(19|20|21)\d* Å"))
    page.get_by_role("button", name="Clear").click()
    expect(values).to_be_empty()


def test_measuring_by_keyboard(page: Page) -> None:
    relaxed(page, "CCO")
    atoms, values = page.get_by_label("Atoms", exact=True), page.locator("#measure-values")
    for numbers, unit in (("1 2", "Å"), ("1 2 3", "°"), ("1 2 3 9", "°")):
        atoms.fill(numbers)
        atoms.press("Enter")
        expect(values).to_contain_text(re.compile(rf"\d+\.\d+ ?{unit}"))
    atoms.fill("1 77")
    atoms.press("Enter")
    expect(atoms).to_have_accessible_description("Atoms are numbered from 1 to 9.")


def test_what_is_shown_is_saved(page: Page, tmp_path: Path) -> None:
    relaxed(page, "C[C@H](N)C(=O)O alanine")
    saved = {}
    for kind in ("PNG", "SDF", "XYZ"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save {kind}").click()
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])
    assert "alanine" in saved["SDF"].name
    atoms = ase.io.read(saved["XYZ"])
    molecule = Chem.MolFromMolFile(str(saved["SDF"]), removeHs=False)
    assert np.allclose(atoms.positions, molecule.GetConformer().GetPositions(), atol=2e-4)
    Chem.AssignStereochemistryFrom3D(molecule)
    assert Chem.MolToSmiles(Chem.RemoveHs(molecule)) == Chem.CanonSmiles("C[C@H](N)C(=O)O")
    assert np.ptp(imread(saved["PNG"])[..., :3]) > 0.5


def test_a_structure_is_drawn(page: Page) -> None:
    page.get_by_role("button", name="Sketch").click()
    dialog = page.get_by_role("dialog", name="Sketch")
    expect(dialog.locator("canvas").first).to_be_visible()
    page.wait_for_timeout(500)
    box = dialog.locator("canvas").last.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5
    page.mouse.click(x, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=5)
    page.mouse.up()
    dialog.get_by_role("button", name="Use structure").click()
    expect(page.get_by_label("Molecules, one per line")).to_have_value(re.compile("C"))


def test_a_link_fills_the_box_and_sends_nothing(page: Page, address: str) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{address}/#smiles=CC%23N")
    page.reload()
    expect(page.get_by_label("Molecules, one per line")).to_have_value("CC#N")
    assert "POST" not in sent
