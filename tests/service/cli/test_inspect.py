"""`relaxd inspect`: one report of several checkpoints, in the order of their training."""

import base64
import json
import re
import sys
from pathlib import Path

import pytest
import torch

from relaxd.model import Denoiser, DenoiserConfig, load_model, save_model

from .conftest import Run, message


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models that move molecules, the one with more samples first."""
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = []
    for samples in (400, 30):
        torch.manual_seed(samples)
        denoiser = Denoiser(DenoiserConfig(channels=8, n_layers=1))
        torch.nn.init.normal_(denoiser.readout.weight)
        origin = {"training": {"samples": 5}}
        path = folder / f"after-{samples}.safetensors"
        save_model(denoiser, path, {"training": {"samples": samples, "origin": origin}})
        paths.append(path)
    return paths


def test_the_report_stands_alone(
    run: Run, checkpoints: list[Path], pairs: Path, tmp_path: Path
) -> None:
    flags = ["--pairs", pairs, "--molecules", 3, "-o", "out/report.html", "--json", "out/a.json"]
    outcome = run("inspect", *checkpoints, *flags)
    assert outcome.exit_code == 0, outcome.stderr
    assert "2 models, 3 molecules: out/report.html" in outcome.stdout

    figures = json.loads((tmp_path / "out/a.json").read_text())
    assert sorted(figures["qm9_index"]) == [3, 43, 83]
    assert [(m["name"], m["samples"]) for m in figures["models"]] == [
        ("after-30", 35),
        ("after-400", 405),
    ]
    assert figures["models"][1]["sha256"] == load_model(checkpoints[0]).sha256
    for model in figures["models"]:
        assert list(model["first_order"]) == ["0.01", "0.03", "0.1", "0.3", "mmff94"]
        assert list(model["second_order"]) == ["0.01", "0.03", "0.1", "0.3"]
        for figure in model["second_order"]["0.03"].values():
            assert figure is not None
    assert figures["references"]["mmff94"]["rank_correlation"]["median"] > 0.9

    html = (tmp_path / "out/report.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    (image,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(image).startswith(b"\x89PNG")
    force = figures["models"][0]["first_order"]["0.1"]["force"]
    assert f"<td>{force['median']:.2f} (" in html
    assert html.count("<table>") == html.count("</table>") == 9


def test_a_model_that_moves_nothing_is_shown_without_figures(
    run: Run, weights: Path, checkpoints: list[Path], pairs: Path, tmp_path: Path
) -> None:
    flags = ["--pairs", pairs, "--molecules", 1, "-o", "a.html", "--json", "a.json"]
    assert run("inspect", weights, checkpoints[0], *flags).exit_code == 0
    untrained, _ = json.loads((tmp_path / "a.json").read_text())["models"]
    assert (untrained["name"], untrained["samples"]) == ("untrained", 0)
    assert untrained["first_order"]["0.1"]["force"] is None
    assert "untrained, 0 samples" in (tmp_path / "a.html").read_text()


def test_a_model_that_does_not_know_an_element_is_named(
    run: Run, pairs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hydrogen.safetensors"
    save_model(Denoiser(DenoiserConfig(elements=(1,), channels=4, n_layers=1)), path, {})
    outcome = run("inspect", path, "--pairs", pairs, "-o", "a.html")
    assert outcome.exit_code == 2
    assert "hydrogen does not know atomic numbers [6, 8]" in message(outcome)


def test_without_matplotlib_the_extra_is_named(
    run: Run, weights: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_inspect_plot", "_inspect_report"):
        monkeypatch.delitem(sys.modules, f"relaxd.service.cli.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    outcome = run("inspect", weights, "--pairs", pairs, "-o", "a.html")
    assert outcome.exit_code == 2
    assert "relaxd[plot]" in message(outcome)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "a.html"], "MODEL"),
        (["relaxd-small"], "--output"),
        (["relaxd-small", "-o", "a.html"], "give --data"),
        (["missing", "-o", "a.html"], "no model named"),
        (["relaxd-small", "-o", "a.html", "--molecules", "0"], "--molecules"),
    ],
)
def test_usage(run: Run, arguments: list[str], reason: str) -> None:
    outcome = run("inspect", *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
