"""Many molecules: dropped as a file, sorted, searched, opened, downloaded."""

import re
from collections.abc import Callable
from pathlib import Path

import ase.io
import pytest
from playwright.sync_api import Page, expect
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from tests.browser.actions import drop, relax, rows, verdict

Screenshot = Callable[[str], None]

SMI = "".join(f"{smiles} {name}\n" for smiles, name in [
    ("CCO", "ethanol"),
    ("C1CC", "typo"),
    ("CS(C)=O", "dmso"),
    ("c1ccncc1O", "pyridinol"),
    ("CC(C)=O", "acetone"),
])  # fmt: skip

WATER = "3\nwater\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"


def batch(page: Page, text: str = SMI) -> None:
    """Drop a file and wait until all of it is done."""
    drop(page, "molecules.smi", text)
    expect(rows(page)).to_have_count(len(text.splitlines()))
    expect(page.locator("#batch-status")).to_contain_text(re.compile(r"^\d+ molecules?: "))


def names(page: Page) -> list[str]:
    found = [row.inner_text() for row in rows(page).all()]
    return [
        name
        for text in found
        for name in re.findall("ethanol|typo|dmso|pyridinol|acetone", text)[:1]
    ]


def test_a_dropped_file_becomes_a_table(page: Page, screenshot: Screenshot) -> None:
    batch(page)
    typo = rows(page).filter(has_text="typo")
    expect(typo).to_contain_text("failed")
    expect(typo).to_contain_text("not a SMILES")
    expect(rows(page).filter(has_text="dmso")).to_contain_text("needs a look")
    expect(rows(page).filter(has_text="pyridinol")).to_contain_text("ok")
    screenshot("batch")


@pytest.mark.parametrize(
    ("name", "text", "n"),
    [
        ("two.xyz", WATER * 2, 2),
        ("two.extxyz", WATER.replace("water", "Properties=species:S:1:pos:R:3 charge=0") * 2, 2),
    ],
)
def test_files_of_every_kind(page: Page, name: str, text: str, n: int) -> None:
    drop(page, name, text)
    expect(rows(page).filter(has_text="ok")).to_have_count(n)


def test_a_chosen_file(page: Page, tmp_path: Path) -> None:
    molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
    molecule.SetProp("_Name", "chosen")
    with Chem.SDWriter(str(tmp_path / "one.sdf")) as writer:
        writer.write(molecule)
    page.get_by_label("File of molecules").set_input_files(tmp_path / "one.sdf")
    expect(rows(page).filter(has_text="chosen")).to_contain_text("ok")


def test_a_file_of_another_kind_is_refused(page: Page) -> None:
    drop(page, "letter.docx", "Dear chemist")
    field = page.get_by_label("File of molecules")
    expect(field).to_have_accessible_description(re.compile("letter.docx|docx"))


def test_several_lines_are_a_batch(page: Page) -> None:
    relax(page, SMI)
    expect(rows(page)).to_have_count(5)
    expect(rows(page).filter(has_text="typo")).to_contain_text("failed")


def test_rows_are_sorted_and_found(page: Page) -> None:
    batch(page)
    given = names(page)
    assert given == ["ethanol", "typo", "dmso", "pyridinol", "acetone"]
    heading = page.get_by_role("columnheader", name="Name")
    heading.get_by_role("button").click()
    assert names(page) == sorted(given)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    assert names(page) == sorted(given, reverse=True)
    page.get_by_label("Find").fill("ton")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Find").fill("")
    page.get_by_label("Show", exact=True).select_option("failed")
    assert names(page) == ["typo"]
    page.get_by_label("Show", exact=True).select_option("needs a look")
    assert names(page) == ["dmso"]


def test_a_row_is_opened_by_keyboard(page: Page) -> None:
    batch(page)
    for name in ("pyridinol", "acetone"):
        rows(page).filter(has_text=name).get_by_role("button").first.focus()
        page.keyboard.press("Enter")
        expect(verdict(page)).to_contain_text(name)
    expect(page.get_by_role("application")).to_have_accessible_name(re.compile("C3H6O"))


@pytest.mark.parametrize(("kind", "suffix"), [("SDF", "sdf"), ("Extended XYZ", "extxyz")])
def test_all_is_downloaded(page: Page, tmp_path: Path, kind: str, suffix: str) -> None:
    batch(page)
    page.get_by_label("Format").select_option(kind)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    assert download.value.suggested_filename.endswith(suffix)
    path = tmp_path / f"all.{suffix}"
    download.value.save_as(path)
    if suffix == "sdf":
        found = [m.GetProp("_Name") for m in Chem.SDMolSupplier(str(path), removeHs=False)]
        assert found == ["ethanol", "dmso", "pyridinol", "acetone"]
    else:
        assert [len(atoms) for atoms in ase.io.read(path, ":")] == [9, 10, 12, 10]


def test_a_batch_is_found_again_among_the_jobs(page: Page) -> None:
    batch(page)
    page.reload()
    page.get_by_role("region", name="Recent jobs").get_by_role("button", name="Open").first.click()
    expect(rows(page)).to_have_count(5)


def test_a_batch_is_cancelled(page: Page) -> None:
    drop(page, "many.smi", "".join(f"{'C' * (1 + i % 7)}O m{i}\n" for i in range(5000)))
    page.get_by_role("button", name="Cancel batch").click()
    expect(page.locator("#batch-status")).to_contain_text("cancelled", timeout=20_000)
