"""Settings: variables, and what goes together."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

import relaxd.service
from relaxd.service import Settings


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAXD_PORT", "9000")
    monkeypatch.setenv("RELAXD_URL", "http://elsewhere")  # the client's, ignored here
    assert Settings().port == 9000
    assert Settings(port=1).port == 1


def test_request_must_fit_the_queue() -> None:
    with pytest.raises(ValidationError, match="max_pending"):
        Settings(max_pending=10)


@pytest.mark.parametrize("where", [{"device": "cuda"}, {"precision": "bf16"}])
def test_networks_are_compiled_for_the_cpu_alone(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="compiled for the CPU"):
        Settings.model_validate({"compiled_in": "folder", **where})


def test_every_field_is_described() -> None:
    assert [name for name, f in Settings.model_fields.items() if not f.description] == []


def test_all_is_complete() -> None:
    assert dir(relaxd.service) == sorted(relaxd.service.__all__)
    assert all(hasattr(relaxd.service, name) for name in relaxd.service.__all__)
    with pytest.raises(AttributeError):
        _ = relaxd.service.nothing


def test_package_alone_imports_nothing_heavy() -> None:
    code = "import sys, relaxd.service; print({'torch', 'fastapi', 'pydantic'} & set(sys.modules))"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.strip() == "set()"
