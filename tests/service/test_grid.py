"""The carbon intensity of a country's power."""

import importlib.util
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from relaxd.service import Settings
from relaxd.service._usage import Cost, usage

HAS_CODECARBON = importlib.util.find_spec("codecarbon") is not None

with_codecarbon = pytest.mark.skipif(not HAS_CODECARBON, reason="codecarbon is not installed")


@with_codecarbon
def test_a_country_has_the_intensity_of_the_table() -> None:
    spec = importlib.util.find_spec("codecarbon")
    assert spec is not None
    table = Path(str(spec.origin)).parent / "data/private_infra/global_energy_mix.json"
    expected = json.loads(table.read_text())["FRA"]["carbon_intensity"]
    settings = Settings(grid_country="FRA", watts_per_core=1000.0)
    assert settings.grid_g_per_kwh == expected
    assert usage(Cost(cpu_seconds=3600.0), settings).co2e_g == pytest.approx(expected)


@with_codecarbon
def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(ValidationError, match="grid_country 'XXX' is not known"):
        Settings(grid_country="XXX")


@pytest.mark.skipif(HAS_CODECARBON, reason="codecarbon is installed")
def test_the_table_has_to_be_there() -> None:
    with pytest.raises(ValidationError, match=r"relaxd\[energy\]"):
        Settings(grid_country="FRA")


def test_the_intensity_goes_before_the_country() -> None:
    assert Settings(grid_country="FRA", grid_g_per_kwh=7.0).grid_g_per_kwh == 7.0


def test_nothing_is_assumed() -> None:
    assert Settings().grid_g_per_kwh is None
    assert usage(Cost(cpu_seconds=1.0), Settings()).co2e_g is None
