"""What a package offers is what it lists."""

import importlib
import inspect
from pathlib import Path

import pytest

PACKAGES = (
    "relaxd.client",
    "relaxd.client.schemas",
    "relaxd.model",
    "relaxd.model.data",
    "relaxd.relax",
    "relaxd.dft_bridge",
    "relaxd.service",
    "relaxd.service.access",
    "relaxd.service.formats",
    "relaxd.service.jobs",
    "relaxd.service.store",
    "relaxd.service.webhooks",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_complete_and_sorted(name):
    package = importlib.import_module(name)
    listed = package.__all__
    ours = {
        key
        for key in dir(package)
        if not key.startswith("_")
        and getattr(getattr(package, key), "__module__", "").startswith("relaxd")
    }
    assert ours <= set(listed)
    assert all(hasattr(package, key) for key in listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_public_is_documented(name):
    package = importlib.import_module(name)
    undocumented = [
        key
        for key in package.__all__
        if inspect.isroutine(getattr(package, key)) or inspect.isclass(getattr(package, key))
        if not getattr(package, key).__doc__
    ]
    assert not undocumented


def test_the_namespace_has_no_init():
    assert not list(Path(__file__).parent.parent.glob("*/relaxd/__init__.py"))
