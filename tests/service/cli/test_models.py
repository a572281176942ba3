"""`relaxd models`: what ships, or that nothing does."""

import pytest

import relaxd.model
from relaxd.model import DEFAULT_MODEL, load_model, model_names

from .conftest import Run


def test_every_shipped_model_is_listed(run: Run) -> None:
    outcome = run("models")
    assert outcome.exit_code == 0
    assert DEFAULT_MODEL in model_names()
    for name in model_names():
        assert name in outcome.stdout
        assert load_model(name).sha256[:12] in outcome.stdout


def test_without_models(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxd.model, "model_names", list)
    outcome = run("models")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "no model" in outcome.stderr
