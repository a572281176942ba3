"""What an operator can set, by `RELAXD_*` variables or by flags."""

import ipaddress
import os
from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from relaxd.client.schemas import MAX_MOLECULES

DEFAULT_WORKERS = max(1, min(8, (os.cpu_count() or 2) - 1))
"""Worker processes if none are asked for: one core is left to the model."""


class Settings(BaseSettings):
    """Settings of the service; each field is the variable `RELAXD_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RELAXD_", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, description="Port to listen on; 0 takes a free one."
    )
    insecure: bool = Field(
        default=False, description="Allow an address that other machines can reach."
    )
    log_level: str = Field(default="info", description="Level of the log, as uvicorn names it.")

    model: str = Field(
        default="relaxd-small", description="Name of the model, or path of its weights."
    )
    device: str = Field(default="cpu", description="Torch device that runs the model.")
    threads: PositiveInt | None = Field(
        default=None, description="Threads of the model on the CPU; torch decides if not set."
    )
    workers: PositiveInt = Field(
        default=DEFAULT_WORKERS, description="Processes for chemistry and fallbacks."
    )

    max_molecules: PositiveInt = Field(
        default=MAX_MOLECULES, le=MAX_MOLECULES, description="Molecules in one request."
    )
    max_body_bytes: PositiveInt = Field(default=8 * 2**20, description="Body of a request, bytes.")
    max_pending: PositiveInt = Field(
        default=1024, description="Molecules accepted and not yet answered, over all requests."
    )
    molecule_seconds: PositiveFloat = Field(
        default=120.0, description="Time for the chemistry, or the fallback, of one molecule, s."
    )
    drain_seconds: PositiveFloat = Field(
        default=150.0, description="Time for running requests to end at shutdown, s."
    )

    batch_pairs: PositiveInt = Field(
        default=2**16,
        description="Pairs of atoms in one batch of the model, summed over its molecules. "
        "Halved whenever memory runs out.",
    )
    batch_wait_ms: Annotated[float, Field(ge=0)] = Field(
        default=100.0,
        description="Longest wait of a batch for molecules that are still being read, ms. Nor does "
        "it wait longer than the batch before ran; a molecule on its own never waits.",
    )

    watts_per_core: PositiveFloat = Field(
        default=10.0, description="Power of one busy core, for the energy estimate, W."
    )
    watts_per_gpu: PositiveFloat = Field(
        default=350.0, description="Power of the busy GPU, for the energy estimate, W."
    )
    grid_g_per_kwh: PositiveFloat | None = Field(
        default=None, description="Carbon intensity of the power, g CO2e per kWh."
    )

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if not self.insecure and not _is_loopback(self.host):
            raise ValueError(
                f"{self.host} can be reached from other machines, and there are no API keys: "
                "listen on 127.0.0.1, or say --insecure if something else guards the service"
            )
        if self.max_pending < self.max_molecules:
            raise ValueError("max_pending must not be below max_molecules")
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
