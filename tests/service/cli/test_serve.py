"""`relaxd serve`: flags and help come from the settings."""

import re

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
        (["--host", "0.0.0.0"], "other machines"),  # noqa: S104
        (["--nonsense"], "unrecognized arguments"),
        (["--workers"], "expected one argument"),
    ],
)
def test_usage(run: Run, served: list[Settings], flags: list[str], reason: str) -> None:
    outcome = run("serve", *flags)
    assert (outcome.exit_code, served) == (2, [])
    assert reason in outcome.stderr
