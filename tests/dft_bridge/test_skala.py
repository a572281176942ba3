"""Skala, as far as it goes without its weights."""

import sys
from types import ModuleType

import pytest

from relaxd.dft_bridge import LEVELS, DftError, System
from relaxd.dft_bridge._backend import make_backend
from relaxd.dft_bridge._skala import WEIGHTS

HYDROGEN = System((1, 1))


def refused(**options) -> DftError:
    with pytest.raises(DftError) as caught:
        make_backend(HYDROGEN, LEVELS["skala"], **options)
    return caught.value


@pytest.fixture
def skala(monkeypatch):
    """A package that fails as `skala` does where the weights cannot be read."""

    def load_functional(name):
        raise RuntimeError("PytorchStreamReader failed reading zip archive")

    functional = ModuleType("skala.functional")
    functional.load_functional = load_functional
    monkeypatch.setitem(sys.modules, "skala", ModuleType("skala"))
    monkeypatch.setitem(sys.modules, "skala.functional", functional)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "skala", None)
    error = refused()
    assert error.code == "missing-package"
    assert "pip install skala" in str(error)


@pytest.mark.usefixtures("skala")
def test_without_weights_nothing_is_fetched(monkeypatch):
    monkeypatch.delenv(WEIGHTS, raising=False)
    error = refused()
    assert error.code == "missing-weights"
    assert WEIGHTS in str(error)


@pytest.mark.usefixtures("skala")
def test_a_file_that_holds_no_weights(monkeypatch, tmp_path):
    path = tmp_path / "skala.fun"
    path.write_text("nonsense")
    monkeypatch.setenv(WEIGHTS, str(path))
    error = refused()
    assert error.code == "missing-weights"
    assert str(path) in str(error)


def test_it_is_for_the_cpu():
    assert refused(device="gpu").code == "no-such-device"
