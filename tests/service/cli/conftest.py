"""The command line in this process, an untrained model, and some data in QM9's form."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import molecule
from typer.testing import CliRunner

from relaxd.model import Denoiser, DenoiserConfig, save_model
from relaxd.model.data import read_qm9, write_pairs
from relaxd.service.cli import app

Run = Callable[..., Any]

QM9 = {3: "H2O", 43: "CH3OH", 83: "H2CO", 4: "C2H2", 5: "HCN", 6: "CF4"}
"""QM9 numbers, of which the first three are of the validation set, and molecules of ASE's."""


def message(outcome: Any) -> str:
    """Standard error in one line, out of the box that is drawn around it."""
    return " ".join(outcome.stderr.replace("│", " ").split())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `relaxd` with these arguments in an empty folder, and without the caller's settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("RELAXD_MODEL", "RELAXD_DEVICE", "RELAXD_THREADS"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object, text: str | None = None) -> Any:
        outcome = CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return call


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that leaves molecules of up to twelve atoms as they are."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    card = {
        "level_of_theory": "B3LYP/6-31G(2df,p)",
        "domain": {"elements": [1, 6, 7, 8], "max_atoms": 12},
    }
    save_model(Denoiser(DenoiserConfig(channels=8, n_layers=1)), path, card)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six molecules, one of them with fluorine, packed as the data of relaxd are."""
    atoms = [molecule(name) for name in QM9.values()]
    path = tmp_path_factory.mktemp("data") / "qm9.npz"
    np.savez(
        path,
        index=np.array(list(QM9), dtype=np.int32),
        n_atoms=np.array([len(a) for a in atoms], dtype=np.uint8),
        atomic_numbers=np.concatenate([a.numbers for a in atoms]).astype(np.uint8),
        positions=np.concatenate([a.positions for a in atoms]).astype(np.float32),
    )
    return path


@pytest.fixture(scope="session")
def pairs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with MMFF94 geometries."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.safetensors"
    write_pairs(read_qm9(data), path, workers=1)
    return path
