"""`relaxd evaluate`: figures of geometries and energies, with what made them."""

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import relaxd.dft_bridge
import relaxd.relax._evaluation
from relaxd.model import load_model

from .conftest import Run, message


@pytest.fixture
def energies(tmp_path: Path) -> list[Any]:
    """Flags for energies that cost next to nothing."""
    cache = tmp_path / "energies.jsonl"
    return ["--energies", 1, "--level", "lda/sto-3g", "--cache", cache]


def test_figures_name_what_made_them(
    run: Run, weights: Path, pairs: Path, energies: list[Any], tmp_path: Path
) -> None:
    flags = ["--pairs", pairs, "--model", weights, "--json", "results/a.json"]
    outcome = run("evaluate", *flags, "--molecules", 2, *energies)
    figures = json.loads((tmp_path / "results/a.json").read_text())
    assert outcome.exit_code == 0
    assert (figures["model"], figures["sha256"]) == ("untrained", load_model(weights).sha256)
    assert figures["n_molecules"] == 2
    assert set(figures["rmsd_angstrom"]) == {"mmff94", "gfn2-xtb", "relaxd"}
    # The model leaves the start as it is, and does not know what error to expect.
    gaps = figures["energy_gap_kcal_mol"]
    assert gaps["relaxd"]["median"] == pytest.approx(gaps["mmff94"]["median"])
    assert figures["same_basin"] == 1
    assert "expected_error" not in figures
    assert "estimated dE" in outcome.stdout
    assert figures["energies"]["level"] == "lda/sto-3g"
    assert figures["energies"]["n_molecules"] == 1
    assert figures["versions"]["rdkit"] == metadata.version("rdkit")
    assert {"torch", "tblite", "pyscf"} <= set(figures["versions"])
    assert "lda/sto-3g" in outcome.stdout


def test_other_starts(run: Run, weights: Path, pairs: Path, tmp_path: Path) -> None:
    flags = ["--pairs", pairs, "--model", weights, "--molecules", 2, "--json", "a.json"]
    outcome = run("evaluate", *flags, "--starts")
    assert outcome.exit_code == 0
    starts = json.loads((tmp_path / "a.json").read_text())["starts"]
    assert list(starts) == ["etkdg", "uff", "gfn2-xtb", "minimum + 0.1 A", "minimum"]
    assert all(name in outcome.stdout for name in starts)
    # The model leaves every start as it is.
    for name in ("gfn2-xtb", "minimum"):
        before, after = (starts[name][who]["rmsd_angstrom"] for who in ("start", "relaxd"))
        assert after["median"] == pytest.approx(before["median"], abs=1e-6)
        assert starts[name]["made_worse"] == 0
    assert starts["minimum"]["start"]["energy_gap_kcal_mol"]["mean"] == pytest.approx(0, abs=1e-6)
    assert starts["gfn2-xtb"]["start"]["energy_gap_kcal_mol"]["median"] > 0.05


def test_energies_are_computed_once(
    run: Run, weights: Path, pairs: Path, energies: list[Any], tmp_path: Path
) -> None:
    flags = ["--pairs", pairs, "--model", weights, "--molecules", 1, *energies]
    first = run("evaluate", *flags)
    n_energies = len((tmp_path / "energies.jsonl").read_text().splitlines())
    assert n_energies >= 3
    assert run("evaluate", *flags).stdout == first.stdout
    assert len((tmp_path / "energies.jsonl").read_text().splitlines()) == n_energies


def test_basins_by_dft(
    run: Run,
    weights: Path,
    pairs: Path,
    energies: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relaxd.relax._evaluation, "DOUBTFUL", -100.0)
    flags = ["--pairs", pairs, "--model", weights, "--molecules", 1, "--json", "a.json"]
    outcome = run("evaluate", *flags, *energies, "--basins")
    assert outcome.exit_code == 0
    basins = json.loads((tmp_path / "a.json").read_text())["energies"]["basins"]
    (relaxed,) = basins["relaxed"]
    assert 0 < relaxed["rmsd_from_reference_angstrom"] < 0.1  # another level, the same basin
    assert relaxed["above_reference_kcal_mol"] < 0
    assert basins["wrong_basin"] == 0
    assert "another minimum than the reference from 0.0%" in outcome.stdout
    assert len(list((tmp_path / "runs/journals").iterdir())) == 1
    assert run("evaluate", *flags, "--basins").exit_code == 2


def test_data_and_energies_are_kept_in_one_folder(
    run: Run, weights: Path, data: Path, tmp_path: Path
) -> None:
    flags = ["--data", data, "--model", weights, "--molecules", 1]
    assert run("evaluate", *flags, "--energies", 1, "--level", "lda/sto-3g").exit_code == 0
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert "energies.jsonl" in names
    assert any(name.startswith("pairs-") for name in names)


def test_without_pyscf_geometries_are_still_compared(
    run: Run, weights: Path, pairs: Path, energies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is imported anew must not take the place of what other tests have imported.
    monkeypatch.setattr(relaxd, "dft_bridge", relaxd.dft_bridge)
    for name in [name for name in sys.modules if name.startswith("relaxd.dft_bridge")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyscf", None)
    flags = ["--pairs", pairs, "--model", weights, "--molecules", 1]
    assert run("evaluate", *flags).exit_code == 0
    refused = run("evaluate", *flags, *energies)
    assert refused.exit_code == 2
    assert "relaxd[dft]" in refused.stderr


def test_an_scf_that_does_not_converge_is_named(
    run: Run, weights: Path, pairs: Path, energies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> float:
        raise relaxd.dft_bridge.DftError("scf-not-converged", "CH4: no SCF convergence")

    monkeypatch.setattr(relaxd.dft_bridge.SinglePoints, "__call__", fail)
    flags = ["--pairs", pairs, "--model", weights, "--molecules", 1]
    outcome = run("evaluate", *flags, *energies)
    assert outcome.exit_code == 1
    assert "CH4: no SCF convergence" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give --data"),
        (["--energies", "3", "--molecules", "2"], "cannot be more"),
        (["--energies", "1", "--level", "nonsense"], "expected functional/basis"),
        (["--model", "missing"], "no model named"),
        (["--molecules", "0"], "--molecules"),
    ],
)
def test_usage(run: Run, weights: Path, arguments: list[str], reason: str) -> None:
    outcome = run("evaluate", "--model", weights, *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
