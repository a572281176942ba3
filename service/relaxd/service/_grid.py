"""How much carbon dioxide goes with the power of a country."""

import importlib.util

INSTALL = "pip install 'relaxd[energy]'"


def carbon_intensity(country: str) -> float:
    """Return the carbon intensity of a country's power, g CO2e per kWh.

    Args:
        country: as ISO 3166 alpha-3, such as `FRA`.

    Raises:
        ValueError: codecarbon is not installed, or does not know the country.
    """
    if importlib.util.find_spec("codecarbon") is None:
        raise ValueError(
            f"grid_country needs the table of codecarbon, which is not installed: {INSTALL}"
        )
    from codecarbon.input import DataSource

    mix = DataSource().get_global_energy_mix_data()
    if country not in mix:
        raise ValueError(
            f"grid_country {country!r} is not known to codecarbon; it is an ISO 3166 alpha-3 code, "
            "such as FRA"
        )
    return float(mix[country]["carbon_intensity"])
