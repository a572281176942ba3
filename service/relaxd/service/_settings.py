"""What an operator can set, by `RELAXD_*` variables or by flags."""

import os
from pathlib import Path
from typing import Annotated, Self

import platformdirs
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from relaxd.client.schemas import MAX_MOLECULES

DATA = platformdirs.user_data_path("relaxd")
"""Where jobs are kept if nothing else is said."""

SECONDS_PER_DAY = 86400.0

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
        default=False, description="Need no API keys: whoever reaches the service may use it."
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

    database: str = Field(
        default=f"sqlite:///{DATA / 'relaxd.db'}",
        description="Where jobs are kept: sqlite:///FILE or postgresql://USER@HOST/NAME.",
    )
    journals: Path = Field(
        default=DATA / "journals",
        description="Folder of what DFT has computed; a refinement that was stopped goes on from "
        "there. Workers on several hosts share it, or begin anew.",
    )
    scheduler: str | None = Field(
        default=None,
        description="Address of a Dask scheduler whose workers do the jobs; workers of the "
        "server's own if not set.",
    )
    job_workers: PositiveInt = Field(
        default=DEFAULT_WORKERS, description="The server's own processes for jobs."
    )
    job_molecules: PositiveInt = Field(
        default=64, description="Molecules that a worker takes at once of a job that relaxes."
    )
    max_job_molecules: PositiveInt = Field(default=1_000_000, description="Molecules in one job.")
    max_job_bytes: PositiveInt = Field(default=2**30, description="Body of a job, bytes.")
    max_queued: PositiveInt = Field(
        default=2_000_000, description="Molecules that wait in all jobs, before no more are taken."
    )
    lease_seconds: PositiveFloat = Field(
        default=30.0,
        description="A worker that is not heard of for so long is given up for lost, s.",
    )
    retention_days: PositiveFloat = Field(
        default=30.0, description="For so long a job that has ended is kept, days."
    )
    dft_threads: PositiveInt = Field(default=1, description="Threads of one DFT calculation.")
    dft_memory_mb: PositiveInt = Field(
        default=4000, description="What one DFT calculation may hold at most, MB."
    )
    webhook_private: bool = Field(
        default=False, description="Allow webhooks to addresses that are not public."
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

    @property
    def retention_seconds(self) -> float:
        """For so long a job that has ended is kept, s."""
        return self.retention_days * SECONDS_PER_DAY

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.max_pending < self.max_molecules:
            raise ValueError("max_pending must not be below max_molecules")
        return self
