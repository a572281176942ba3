"""Molecules from IUPAC names."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from relaxd.relax import MoleculeError, _opsin, can_read_iupac, from_iupac

needs_java = [
    pytest.mark.java,
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java"),
]

HOSTILE = {
    "no name": "",
    "blanks": " \t\n",
    "two lines": "ethanol\nmethanol",
    "two lines of an old Mac": "ethanol\rmethanol",
    "two lines of Unicode": "ethanol\u2028methanol",
    "NUL": "eth\0anol",
    "megabyte": "methyl" * 170_000,
    "half a character": "ethanol\ud800",
    "option": "-h",
    "long option": "--help",
    "options of Java": "-version -jar x",
    "shell": "$(touch pwned); ethanol | `touch pwned` > pwned & ethanol",
    "path": "../../../../etc/passwd",
    "lookup of a logger": "${jndi:ldap://127.0.0.1:9/x}",
    "emoji": "\U0001f9ea",
    "right to left": "\u202eethanol",
    "brackets": "(" * 4000,
    "hydrides": "nona" * 1000,
}


def canonical(smiles: str | None) -> str:
    return str(Chem.CanonSmiles(smiles))


def refusal(name: str) -> MoleculeError:
    with pytest.raises(MoleculeError) as caught:
        from_iupac(name, id="mine")
    assert caught.value.id == "mine"
    return caught.value


@pytest.fixture
def fake_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in the place of Java."""

    def make(script: str) -> None:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return make


class TestWithJava:
    pytestmark = needs_java

    @pytest.mark.parametrize(
        ("name", "smiles", "charge"),
        [
            ("2-acetyloxybenzoic acid", "CC(=O)Oc1ccccc1C(=O)O", 0),
            ("1,3,7-trimethyl-3,7-dihydro-1H-purine-2,6-dione", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", 0),
            ("(2S)-2-aminopropanoic acid", "C[C@H](N)C(=O)O", 0),
            ("(2R)-2-aminopropanoic acid", "C[C@@H](N)C(=O)O", 0),
            ("(2E)-but-2-ene", "C/C=C/C", 0),
            ("acetate", "CC(=O)[O-]", -1),
            ("N,N,N-trimethylmethanaminium", "C[N+](C)(C)C", 1),
            ("2,2\u2032-bipyridine", "c1ccc(-c2ccccn2)nc1", 0),
            ("  ethanol\n", "CCO", 0),
        ],
    )
    def test_names(self, name: str, smiles: str, charge: int) -> None:
        molecule = from_iupac(name, id="mine")
        assert canonical(molecule.smiles) == canonical(smiles)
        assert (molecule.charge, molecule.multiplicity, molecule.id) == (charge, 1, "mine")

    def test_stereo_is_in_the_geometry(self) -> None:
        record = from_iupac("(2S)-2-aminopropanoic acid").to_sdf()
        placed = Chem.MolFromMolBlock(record)
        Chem.AssignStereochemistryFrom3D(placed)
        assert [label for _, label in Chem.FindMolChiralCenters(placed)] == ["S"]

    def test_reason_is_that_of_opsin(self) -> None:
        error = refusal("2-foobarylbenzoic acid")
        assert error.code == "unparsable-iupac"
        assert "'2-foobarylbenzoic acid': " in error.message
        assert "not parseable: foobarylbenzoic acid" in error.message

    def test_stereo_that_fits_nowhere(self) -> None:
        assert refusal("(2S)-butanoic acid").code == "unparsable-iupac"

    def test_name_of_several_isomers(self) -> None:
        error = refusal("chlorobenzoic acid")
        assert error.code == "unparsable-iupac"
        assert "AMBIGUOUS" in error.message

    @pytest.mark.parametrize("name", ["sodium chloride", "methane; ethane"])
    def test_several_molecules(self, name: str) -> None:
        assert refusal(name).code == "multiple-fragments"

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_hostile(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        error = refusal(name)
        assert error.code == "unparsable-iupac"
        assert len(error.message) < 1000
        error.message.encode()
        assert not list(tmp_path.iterdir())

    def test_where_locale_is_not_unicode(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LC_ALL", "C")
        assert from_iupac("2,2\u2032-bipyridine").smiles is not None

    def test_working_directory_that_is_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        try:
            assert from_iupac("ethanol").smiles is not None
        finally:
            monkeypatch.undo()

    def test_several_at_once_where_nothing_can_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o555)
        monkeypatch.chdir(tmp_path)
        names = ["methanol", "ethanol", "propan-1-ol", "butan-1-ol"]
        with ThreadPoolExecutor(len(names)) as pool:  # each has a Java of its own
            found = list(pool.map(_opsin.to_smiles, names))
        assert [canonical(s) for s in found] == ["CO", "CCO", "CCCO", "CCCCO"]
        assert not list(tmp_path.iterdir())


@pytest.mark.java
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java")
def test_it_is_known_whether_names_can_be_read() -> None:
    assert can_read_iupac()


def test_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal("ethanol")
    assert error.code == "no-iupac-converter"
    assert "Java" in error.message
    assert not can_read_iupac()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py2opsin", None)
    assert not can_read_iupac()
    error = refusal("ethanol")
    assert error.code == "no-iupac-converter"
    assert "py2opsin" in error.message


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'No Java runtime present.' >&2; exit 1", "No Java runtime present."),
        ("exit 3", "exit status 3"),
    ],
)
def test_java_that_does_not_work(
    fake_java: Callable[[str], None], script: str, reason: str
) -> None:
    fake_java(script)
    error = refusal("ethanol")
    assert error.code == "no-iupac-converter"
    assert reason in error.message


def test_java_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_bytes(b"\x7fELF no program")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal("ethanol")
    assert error.code == "no-iupac-converter"
    assert "cannot be started" in error.message


def test_opsin_that_fails_at_a_name(fake_java: Callable[[str], None]) -> None:
    fake_java(f"echo '{_opsin.GREETING}' >&2; echo OutOfMemoryError >&2; exit 1")
    error = refusal("ethanol")
    assert error.code == "unparsable-iupac"
    assert "OutOfMemoryError" in error.message


def test_time_is_bounded(
    fake_java: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_java(f"echo $$ > {tmp_path}/pid; exec sleep 600")
    monkeypatch.setattr(_opsin, "SECONDS", 0.5)
    error = refusal("ethanol")
    assert error.code == "unparsable-iupac"
    assert "0.5 s" in error.message
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_name_is_no_part_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, 0, "CCO\n", _opsin.GREETING)

    monkeypatch.setattr(shutil, "which", lambda _: "/java")
    monkeypatch.setattr(subprocess, "run", run)
    assert _opsin.to_smiles("--output=x") == "CCO"
    assert seen["input"] == "--output=x\n"
    assert not any("output" in argument for argument in seen["command"])
