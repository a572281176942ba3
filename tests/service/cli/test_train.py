"""`relaxd train`: the pairs are made once, runs are resumed, Ctrl-C saves."""

from pathlib import Path

import numpy as np
import pytest
import torch

from relaxd.model import Trainer, load_model
from relaxd.model.data import Basin

from .conftest import Run, message

SHAPE = ["--channels", 4, "--n-layers", 1, "--l-max", 2, "--radial", 5]
SMALL = ["--hours", 5e-5, "--no-compile", "--bond-dropout", 0.1, "--seed", 3, *SHAPE]


def interrupt(_: Trainer) -> None:
    raise KeyboardInterrupt


def test_training_makes_pairs_once_and_goes_on(run: Run, data: Path, tmp_path: Path) -> None:
    first = run("train", "--data", data, "--run", "runs/a", *SMALL, "--atoms-per-batch", 20)
    assert first.exit_code == 0
    (pairs,) = (tmp_path / "runs").glob("pairs-*.safetensors")
    assert f"pairs in runs/{pairs.name}" in first.stderr
    assert "a calibration needs 100" in first.stderr
    made = pairs.stat().st_mtime_ns
    step = torch.load(tmp_path / "runs/a/state.pt")["step"]

    again = run("train", "--data", data, "--run", "runs/a", *SMALL)
    assert (again.exit_code, pairs.stat().st_mtime_ns) == (0, made)
    assert torch.load(tmp_path / "runs/a/state.pt")["step"] > step
    assert "pairs in" not in again.stderr

    training = load_model(tmp_path / "runs/a/model.safetensors").card["training"]
    assert (training["seed"], training["bond_dropout"]) == (3, 0.1)
    shape = training["model"]
    assert (shape["channels"], shape["n_layers"]) == (4, 1)
    assert (shape["l_max"], shape["n_radial"], shape["n_filters"]) == (2, 5, None)
    assert training["model"]["elements"] == [1, 6, 7, 8, 9]


def test_a_training_begins_with_the_weights_of_another(
    run: Run, data: Path, tmp_path: Path
) -> None:
    run("train", "--data", data, "--run", "a", *SMALL)
    first = tmp_path / "a/model.safetensors"
    short = ["--data", data, "--from", first, "--run", "b", "--no-compile"]
    outcome = run("train", *short, "--hours", 5e-5, "--learning-rate", 1e-12)
    assert outcome.exit_code == 0, outcome.stderr
    second = load_model(tmp_path / "b/model.safetensors")
    for name, weights in load_model(first).denoiser.state_dict().items():
        torch.testing.assert_close(second.denoiser.state_dict()[name], weights)
    assert second.card["training"]["origin"]["sha256"] == load_model(first).sha256

    cheaper = ["--from", first, "--run", "d", "--filters", 4, "--hours", 5e-5]
    outcome = run("train", "--data", data, *cheaper, "--no-compile")
    assert outcome.exit_code == 0, outcome.stderr
    assert load_model(tmp_path / "d/model.safetensors").denoiser.config.n_filters == 4
    dearer = run("train", *short, "--filters", 40)
    assert (dearer.exit_code, "can be given no more" in message(dearer)) == (2, True)
    conflict = run("train", *short, "--channels", 8)
    assert (conflict.exit_code, "the shape is" in message(conflict)) == (2, True)
    fluorine = run("train", "--data", data, "--from", "relaxd-small", "--run", "c")
    assert (fluorine.exit_code, "[9]" in message(fluorine)) == (2, True)
    unknown = run("train", "--data", data, "--from", "relaxd-none", "--run", "c")
    assert (unknown.exit_code, "relaxd-none" in message(unknown)) == (2, True)


def test_far_starts_are_checked_where_asked(run: Run, data: Path, tmp_path: Path) -> None:
    files = ["--data", data, "--pairs", "p/pairs.safetensors", "--run", "a"]
    outcome = run("train", *files, *SMALL, "--check-basins")
    assert outcome.exit_code == 0
    assert "far starts: 0 of the minimum's basin, 0 not" in outcome.stderr
    assert np.load(tmp_path / "p/pairs.basins.npy").tolist() == [Basin.UNKNOWN] * 6
    np.save(tmp_path / "p/pairs.basins.npy", np.zeros(7, np.int8))
    refused = run("train", *files, *SMALL)  # used without being asked for
    assert (refused.exit_code, "7 molecules, not 6" in message(refused)) == (2, True)


def test_checkpoints_are_kept_where_asked(run: Run, data: Path, tmp_path: Path) -> None:
    outcome = run("train", "--data", data, "--run", "a", *SMALL, "--checkpoints")
    assert outcome.exit_code == 0
    assert (tmp_path / "a/checkpoints/step-00000001.safetensors").is_file()


def test_skipped_molecules_are_counted_by_reason(run: Run, data: Path) -> None:
    outcome = run("train", "--data", data, "--pairs", "p/pairs.safetensors", "--run", "a", *SMALL)
    assert outcome.exit_code == 0
    assert "pairs in p/pairs.safetensors" in outcome.stderr
    from_file = run("train", "--pairs", "p/pairs.safetensors", "--run", "b", *SMALL)
    assert from_file.exit_code == 0


def test_ctrl_c_saves(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "train", interrupt)
    outcome = run("train", "--data", data, "--run", "runs/a", *SMALL)
    assert outcome.exit_code == 130
    assert "stopped and saved at step 0" in outcome.stderr
    assert (tmp_path / "runs/a/state.pt").is_file()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--run", "a"], "give --data"),
        (["--run", "a", "--pairs", "missing.safetensors"], "give --data"),
        (["--run", "a", "--data", "missing.npz"], "does not exist"),
        (["--run", "a", "--data", "data.csv"], "expected a .npz"),
        (["--run", "a", "--hours", "0"], "must be positive"),
        (["--data", "data.csv"], "--run"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], reason: str) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    outcome = run("train", *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
