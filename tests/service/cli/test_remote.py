"""Commands with `--server`, and `relaxd jobs`, against a real service."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase.io
import pytest
from rdkit import Chem

from relaxd.client import Client
from relaxd.service.testing import running_service

from .conftest import Run, message

pytestmark = pytest.mark.slow

SMI = "CCO ethanol\nnonsense bad\n[Na+].[Cl-] salt\nF/C=C\\F\n"

TRIHYDROGEN = "3\nid=H3+ charge=1\nH 0 0 0\nH 0.87 0 0\nH 0.435 0.75 0\n"

LONG = ["CCCCCCCC", "--level", "b3lyp/def2-tzvp"]
"""What DFT does not end with while a test looks at it."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    flags = [f"--database=sqlite:///{folder}/relaxd.db", f"--journals={folder}/journals"]
    flags += ["--workers=1", "--job-workers=1"]
    with running_service(*flags, log=folder / "service.log") as url:
        yield url


def job_id(outcome: Any) -> str:
    """The id that a command printed when it submitted."""
    return str(outcome.stderr.split("relaxd: job ", 1)[1].split()[0])


def test_a_file(run: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text(SMI)
    outcome = run("relax", "a.smi", "-o", "out.xyz", "--server", url)
    rows = [line.split() for line in outcome.stdout.splitlines()]
    assert [row[0] for row in rows] == ["id", "ethanol", "bad", "salt", "a-4"]
    assert rows[1][1:4] == ["C2H6O", "diffusion", "yes"]
    assert rows[2][1:] == ["none", "unparsable-smiles"]
    bad, salt = outcome.stderr.splitlines()[1:]
    assert bad == "relaxd: bad: not a SMILES (unparsable-smiles)"
    assert salt.startswith("relaxd: salt: 2 fragments")
    assert outcome.exit_code == 1
    frames = ase.io.read(tmp_path / "out.xyz", ":", format="extxyz")
    assert [atoms.info["smiles"] for atoms in frames] == ["CCO", r"F/C=C\F"]

    again = run("relax", "a.smi", "-o", "b.xyz", "--server", url, "--job", job_id(outcome))
    assert (again.stdout, again.exit_code) == (outcome.stdout, 1)
    assert again.stderr == outcome.stderr
    assert (tmp_path / "b.xyz").read_text() == (tmp_path / "out.xyz").read_text()
    other = run("refine", "a.smi", "--server", url, "--job", job_id(outcome))
    assert (other.exit_code, "is to relax, not to refine" in message(other)) == (2, True)


def test_several_inputs_and_standard_output(run: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(TRIHYDROGEN)
    outcome = run("relax", "O", "a.xyz", "-", "-o", "-", "--server", url, text="C methane\n")
    supplier = Chem.SDMolSupplier()
    supplier.SetData(outcome.stdout, removeHs=False)
    assert [mol.GetProp("_Name") for mol in supplier] == ["O", "methane"]
    assert "H3+: its bonds are not known" in outcome.stderr
    assert "gfn2-xtb" in outcome.stderr
    assert outcome.exit_code == 1


def test_lowest_conformers(run: Run, url: str, tmp_path: Path) -> None:
    command = ["relax", "CCCO", "--conformers", 30, "--keep", 3]
    here = run(*command, "-o", "-")
    there = run(*command, "-o", "-", "--server", url)
    assert [here.exit_code, there.exit_code] == [0, 0]
    assert run(*command, "-o", "out.sdf", "--server", url).exit_code == 0

    def energies(text: str) -> list[float]:
        supplier = Chem.SDMolSupplier()
        supplier.SetData(text, removeHs=False)
        return [float(mol.GetProp("relative_energy_kcal_mol")) for mol in supplier]

    assert len(energies(here.stdout)) == 3
    for text in (there.stdout, (tmp_path / "out.sdf").read_text()):
        assert energies(text) == pytest.approx(energies(here.stdout), abs=1e-3)


def test_charge_of_a_file(run: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("3\nwater\nO 0 0 0\nH 0 0.76 0.59\nH 0 -0.76 0.59\n")
    flags = ["--charge", "1", "--multiplicity", "2", "--server", url]
    assert run("relax", "a.xyz", "-o", "b.xyz", *flags).exit_code == 0
    info = ase.io.read(tmp_path / "b.xyz", format="extxyz").info
    assert (info["id"], info["charge"], info["multiplicity"]) == ("water", 1, 2)


def test_refine_and_jobs(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--level", "hf/sto-3g", "--frequencies", "--server", url]
    outcome = run("refine", "O", "-o", "out.sdf", *flags)
    row = outcome.stdout.splitlines()[-1].split()
    assert (row[:4], row[-2]) == (["O", "H2O", "gfn2-xtb", "yes"], "kept")
    assert outcome.exit_code == 0
    (mol,) = Chem.SDMolSupplier("out.sdf", removeHs=False)
    assert mol.GetProp("level") == "hf/sto-3g"
    given_up = run("refine", "O", "--max-gradients", 1, "--level", "hf/sto-3g", "--server", url)
    assert given_up.exit_code == 1
    assert given_up.stdout.splitlines()[-1].split()[3] == "no"

    monkeypatch.setenv("RELAXD_URL", url)
    id = job_id(outcome)
    listed = json.loads(run("jobs", "list", "--kind", "refine", "--json").stdout)
    assert [info["id"] for info in listed] == [job_id(given_up), id]
    assert id in run("jobs", "list", "--state", "succeeded").stdout
    assert len(json.loads(run("jobs", "list", "--limit", 1, "--json").stdout)) == 1
    assert json.loads(run("jobs", "show", id, "--json").stdout) == listed[-1]
    assert "hf/sto-3g" in run("jobs", "show", id).stdout
    events = [json.loads(line) for line in run("jobs", "events", id).stdout.splitlines()]
    assert events[-1]["data"] == {"state": "succeeded"}
    assert "1 of 1" in run("jobs", "wait", id).stderr
    assert run("jobs", "save", id, "-o", "saved.jsonl").exit_code == 0
    assert json.loads(Path("saved.jsonl").read_text())["smiles"] == "O"
    assert run("jobs", "save", id, "-o", "saved.pdb").exit_code == 2
    assert run("jobs", "cancel", id).stderr == f"relaxd: job {id}: succeeded\n"
    assert run("jobs", "delete", id).exit_code == 0
    gone = run("jobs", "show", id)
    assert (gone.exit_code, "There is no job" in gone.stderr) == (1, True)


def test_sample(run: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("CCO ethanol\nnonsense bad\n")
    flags = ["--samples", 50, "--server", url]
    outcome = run("sample", "a.smi", "-o", "out.json", "--plot", "out.png", *flags)
    ethanol, bad = (line for line in outcome.stdout.splitlines()[1:] if line[0] != " ")
    assert ethanol.split()[:2] == ["ethanol", "C2H6O"]
    assert bad.split() == ["bad", "none", "unparsable-smiles"]
    assert outcome.exit_code == 1
    (result,) = json.loads((tmp_path / "out.json").read_text())
    assert len(result["sample"]["weights"]) == 50
    assert (tmp_path / "out.png").stat().st_size > 0

    id = job_id(outcome)
    printed = run("sample", "a.smi", "-o", "-", *flags, "--job", id)
    assert printed.stdout.count("$$$$") == 50
    assert "ethanol" in printed.stderr
    other = run("relax", "a.smi", "--server", url, "--job", id)
    assert (other.exit_code, "is to sample, not to relax" in message(other)) == (2, True)
    assert "n_samples" in run("jobs", "show", id, "--server", url).stdout
    listed = json.loads(run("jobs", "list", "--kind", "sample", "--json", "--server", url).stdout)
    assert [info["id"] for info in listed] == [id]


def started(folder: Path, *arguments: str) -> "tuple[subprocess.Popen[str], str]":
    """The command in a process of its own that has a job, and the job's id."""
    command = [sys.executable, "-m", "relaxd.service", *arguments]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    return process, process.stderr.readline().removeprefix("relaxd: job ").strip()


def end(process: "subprocess.Popen[str]", number: int) -> str:
    """Sends a signal; returns what is said on stderr then."""
    process.send_signal(number)
    return process.communicate(timeout=60)[1]


def test_ctrl_c_cancels_and_no_other_end_does(run: Run, url: str, tmp_path: Path) -> None:
    command = ["refine", *LONG, "-o", "out.sdf", "--server", url]
    process, id = started(tmp_path, *command)
    end(process, signal.SIGKILL)
    with Client(url) as client:
        job = client.job(id)
        next(event for event in job.events() if event.data.get("state") == "running")
        assert run("jobs", "delete", id, "--server", url).exit_code == 1

        process, same = started(tmp_path, *command, "--job", id)
        assert same == id
        assert "goes on waiting" in end(process, signal.SIGTERM)
        assert process.returncode == 143
        assert not job.done()

        process, _ = started(tmp_path, *command, "--job", id)
        assert f"relaxd jobs save {id} --server {url} -o FILE" in end(process, signal.SIGINT)
        assert process.returncode == 130
        assert job.wait(60).state == "cancelled"
    assert list(tmp_path.iterdir()) == []
    assert run("jobs", "wait", id, "--server", url).exit_code == 1


def test_nothing_that_computes_is_needed(url: str, tmp_path: Path) -> None:
    heavy = ["torch", "rdkit", "e3nn", "tblite", "pyscf", "relaxd.relax", "relaxd.model"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy}))\n"
        "from relaxd.service.__main__ import main; main()"
    )
    for arguments, n_records in (
        (["relax", "C", "O"], 2),
        (["sample", "O", "--samples", "10"], 10),
    ):
        command = [sys.executable, "-c", code, *arguments, "-o", "out.sdf", "--server", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out.sdf").read_text().count("$$$$") == n_records


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["relax", "C", "--device", "cpu"], "--device does not go with --server"),
        (["relax", "C", "--model", "./m.safetensors"], "is a file"),
        (["relax", "C", "--model", "missing"], "unknown-model"),
        (["relax", "a.smi", "-o", "a.smi"], "is read from"),
        (["relax", "C", "-o", "out.pdb"], "expected one of"),
        (["relax", "C", "-o", "missing/out.sdf"], "No such file"),
        (["relax", "missing.sdf"], "No such file"),
        (["refine", "C", "--journals", "x"], "--journals does not go"),
        (["refine", "C", "--workers", "2"], "--workers does not go"),
        (["refine", "C", "--threads", "2"], "--threads does not go"),
        (["refine", "C", "--memory", "2"], "--memory does not go"),
        (["refine", "C", "--trajectory", "x.xyz"], "--trajectory does not go"),
        (["refine", "C", "--level", "nonsense"], "unknown-level"),
        (["refine", "C", "--max-gradients", "5000"], "max_gradients"),
        (["sample", "C", "--device", "cpu"], "--device does not go with --server"),
        (["sample", "C", "-o", "out.pdb"], "expected one of"),
    ],
)
def test_usage(run: Run, url: str, tmp_path: Path, arguments: list[str], reason: str) -> None:
    (tmp_path / "a.smi").write_text("C methane\n")
    outcome = run(*arguments, "--server", url)
    assert outcome.exit_code == 2
    assert reason in message(outcome)


def test_a_job_needs_a_server(run: Run) -> None:
    for command in ("relax", "refine"):
        outcome = run(command, "C", "--job", "x")
        assert (outcome.exit_code, "--job needs --server" in message(outcome)) == (2, True)


def test_no_server(run: Run) -> None:
    outcome = run("relax", "C", "--server", "nowhere:1")
    assert outcome.exit_code == 1
    assert "no answer from the server" in outcome.stderr
