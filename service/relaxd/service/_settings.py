"""What an operator can set, by `RELAXD_*` variables or by flags."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import Field, FilePath, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from relaxd.client.schemas import MAX_MOLECULES
from relaxd.service._grid import carbon_intensity
from relaxd.service._logging import LogFormat, LogLevel
from relaxd.service._scheduler import check_scheduler, is_on_this_machine

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
        default=False,
        description="Need no API keys: whoever reaches the service may use it. Nor does a "
        "scheduler on another machine need TLS.",
    )
    log_level: LogLevel = Field(default="info", description="Level of the log.")
    log_format: LogFormat = Field(
        default="text", description="Lines of the log: for people, or a JSON object each."
    )

    model: str = Field(
        default="relaxd-small",
        description="Name of the model, or path of its weights, for requests that name none; those "
        "that ship with relaxd can be named on every server.",
    )
    device: str = Field(default="cpu", description="Torch device that runs the model.")
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32", description="Of the model's matrix products; bf16 is for GPUs."
    )
    compiled_in: Path | None = Field(
        default=None,
        description="Folder of networks compiled for this machine's CPU, for calls: they relax a "
        "single molecule in half the time. If the model's is missing it is compiled at the start: "
        "that takes a minute, and a C++ compiler. None is compiled if not set.",
    )
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
        default=1024,
        description="Molecules accepted and not yet answered, over all requests; each "
        "conformer asked for counts as one.",
    )
    molecule_seconds: PositiveFloat = Field(
        default=120.0,
        description="Time for the chemistry, or the fallback, of one molecule, s; of one that is "
        "sampled, for some progress.",
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
    tls_ca_file: FilePath | None = Field(
        default=None, description="Certificates that those of the scheduler are signed with, PEM."
    )
    tls_cert: FilePath | None = Field(
        default=None, description="The server's own certificate for the scheduler, PEM."
    )
    tls_key: FilePath | None = Field(default=None, description="Its private key, PEM.")
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
    grid_country: str | None = Field(
        default=None,
        description="Country of the power, as ISO 3166 alpha-3, such as FRA: its carbon intensity "
        "is that of codecarbon's table.",
    )
    grid_g_per_kwh: NonNegativeFloat | None = Field(
        default=None,
        description="Carbon intensity of the power, g CO2e per kWh; goes before the country's.",
    )

    @property
    def retention_seconds(self) -> float:
        """For so long a job that has ended is kept, s."""
        return self.retention_days * SECONDS_PER_DAY

    @model_validator(mode="before")
    @classmethod
    def _look_up_the_country(cls, given: dict[str, Any]) -> dict[str, Any]:
        # Once, and here: workers on other machines need no table.
        country = given.get("grid_country")
        if country is None or given.get("grid_g_per_kwh") is not None:
            return given
        return given | {"grid_g_per_kwh": carbon_intensity(str(country))}

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.max_pending < self.max_molecules:
            raise ValueError("max_pending must not be below max_molecules")
        if self.compiled_in is not None and (self.device, self.precision) != ("cpu", "fp32"):
            raise ValueError("networks are compiled for the CPU, in fp32")
        if self.scheduler is not None:
            check_scheduler(self.scheduler, insecure=self.insecure)
            if self.database.startswith("sqlite") and not is_on_this_machine(self.scheduler):
                raise ValueError(
                    f"workers of the scheduler {self.scheduler} cannot reach the file of SQLite; "
                    "give a --database of PostgreSQL"
                )
        return self
