"""`relaxd serve`: flags and help come from the settings."""

import re
from pathlib import Path

import pytest

from relaxd.service import Settings, _app

from .conftest import Run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings with which a server would have been started."""
    settings: list[Settings] = []
    monkeypatch.setattr(_app, "serve", settings.append)
    return settings


def test_help_lists_every_setting(run: Run, served: list[Settings]) -> None:
    outcome = run("serve", "--help")
    flags = set(re.findall(r"^  --([a-z-]+)", outcome.stdout, flags=re.MULTILINE))
    assert flags == {name.replace("_", "-") for name in Settings.model_fields}
    assert "RELAXD_" in outcome.stdout
    assert (outcome.exit_code, served) == (0, [])


def test_flags_go_before_variables_before_defaults(
    run: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAXD_PORT", "9000")
    monkeypatch.setenv("RELAXD_MAX_PENDING", "512")
    assert run("serve", "--port=0", "--host", "0.0.0.0", "--insecure").exit_code == 0  # noqa: S104
    (settings,) = served
    assert (settings.port, settings.max_pending, settings.insecure) == (0, 512, True)
    assert settings.device == Settings.model_fields["device"].default


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--port", "many"], "port: Input should be a valid integer"),
        (["--nonsense"], "unrecognized arguments"),
        (["--workers"], "expected one argument"),
    ],
)
def test_usage(run: Run, served: list[Settings], flags: list[str], reason: str) -> None:
    outcome = run("serve", *flags)
    assert (outcome.exit_code, served) == (2, [])
    assert reason in outcome.stderr


@pytest.mark.usefixtures("log_restored")
def test_an_address_that_others_can_reach_needs_a_key(run: Run, tmp_path: Path) -> None:
    outcome = run("serve", "--host", "0.0.0.0", "--database", f"sqlite:///{tmp_path}/relaxd.db")  # noqa: S104
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "relaxd keys create NAME" in outcome.stderr
