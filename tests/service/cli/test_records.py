"""What the command line sends to a server: the cuts are those of `relaxd.relax`."""

import io
from pathlib import Path

import pytest
import typer

from relaxd.client import Molecule
from relaxd.relax import split_records
from relaxd.service.cli._records import FORMS, to_send

XYZ = "2\n{title}\nH 0 0 0\nH 0 0 0.74\n"

FILES = {
    ".smi": "# comment\nCCO ethyl alcohol\n\n  C1CC\tbroken\nC\n",
    ".sdf": "first\nx\n\n$$$$\n\n$$$$\nlast\nrubbish\n",
    ".xyz": "\n".join(
        ["", XYZ.format(title="id=a x=1"), XYZ.format(title='name="b c"'), XYZ.format(title="d e")]
    )
    + "3\nwrong\nH 0 0 0\n2\ncharge=1\nH 0 0 0\nH 0 0 1",
}
"""What is awkward in each kind of file."""

KINDS = {".smi": ".smi", ".smiles": ".smi", ".sdf": ".sdf", ".mol": ".sdf"} | dict.fromkeys(
    (".xyz", ".extxyz"), ".xyz"
)


@pytest.mark.parametrize("suffix", FORMS)
def test_records_are_cut_as_they_are_without_a_server(suffix: str) -> None:
    lines = FILES[KINDS[suffix]].splitlines(keepends=True)
    _, cut = FORMS[suffix]
    assert list(cut(lines)) == list(split_records(lines, suffix))
    assert list(cut([])) == []


def test_one_file_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "set.smi"
    path.write_text("C\n")
    assert to_send([str(path)], None, None) == path
    (cut,) = to_send([str(path)], 1, None)
    assert cut == Molecule(smiles="C", id="set-1", charge=1)


def test_several_inputs_are_one_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.smi").write_text(FILES[".smi"])
    (tmp_path / "b.mol").write_text(FILES[".sdf"])
    monkeypatch.setattr("sys.stdin", io.StringIO("O\n"))
    inputs = [str(tmp_path / "a.smi"), "N", "-", str(tmp_path / "b.mol")]
    sent = list(to_send(inputs, None, 2))
    assert [molecule.id for molecule in sent] == [
        "ethyl alcohol",
        "broken",
        "a-3",
        "N",
        "stdin-1",
        "first",
        "b-2",
        "last",
    ]
    assert {molecule.multiplicity for molecule in sent} == {2}
    assert sent[-1].sdf == "last\nrubbish\n"


def test_what_the_server_would_refuse_as_an_id_is_cut() -> None:
    (sent,) = to_send(["C" * 300], None, None)
    assert sent.smiles == "C" * 300
    Molecule.model_validate(sent.model_dump())


@pytest.mark.parametrize("name", ["missing.sdf", "data.txt"])
def test_what_is_no_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "data.txt").write_text("C\n")
    with pytest.raises(typer.BadParameter):
        to_send([str(tmp_path / name)], None, None)
