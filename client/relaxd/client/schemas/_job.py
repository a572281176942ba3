"""Jobs: work of any kind and size, done in the background."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator
from pydantic_core import PydanticCustomError

from relaxd.client.schemas._molecule import Conformers, Keep, Molecule
from relaxd.client.schemas._result import Result, Usage
from relaxd.client.schemas._sample import SampleOptions

JobKind = Literal["relax", "refine", "sample"]
"""What a job does: the model's relaxation, DFT's from there, or Boltzmann sampling."""

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
"""Where a job stands; the last three are final. `succeeded` has at least one result that is ok,
`failed` none; which molecules failed is said by their own results."""

FINAL_STATES: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})
"""The states that a job does not leave."""

Priority = Literal["low", "normal", "high"]
"""Jobs of higher priority are worked on first."""

Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A word of the caller's, to find jobs by."""


KIND_OF_OPTION: dict[str, JobKind] = {
    "refine": "refine",
    "sample": "sample",
    "trajectory": "relax",
    "conformers": "relax",
    "keep": "relax",
}
"""Options that go with one kind of job only."""


class RefineOptions(BaseModel):
    """How DFT refines; only for jobs of the kind `refine`."""

    model_config = ConfigDict(extra="forbid")

    level: str = Field(
        default="b3lyp/6-31g(2df,p)",
        max_length=256,
        description="Level of theory: a name such as `fast`, or functional[-dispersion]/basis.",
    )
    solvent: str | None = Field(
        default=None, max_length=256, description="Implicit solvent; the gas phase if not given."
    )
    start: Literal["relaxd", "given"] = Field(
        default="relaxd",
        description="Where DFT starts: where the model relaxes to, or in the geometry as given.",
    )
    hessian: Literal["gfn2-xtb", "model"] = Field(
        default="gfn2-xtb", description="Where the optimiser knows curvature from."
    )
    frequencies: bool = Field(
        default=False, description="Whether to check that the minimum is one, by its frequencies."
    )
    max_gradients: int = Field(
        default=100, ge=1, le=1000, description="After so many the result is not converged."
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="Where DFT is computed."
    )


class Webhook(BaseModel):
    """Where the server says that a job has ended."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        max_length=2048,
        pattern=r"^https?://",
        description="Receives a POST with the job as JSON, once, when its state is final.",
    )
    secret: str | None = Field(
        default=None,
        min_length=16,
        max_length=256,
        description="Key of the HMAC-SHA256 in the header `webhook-signature`.",
    )


class JobOptions(BaseModel):
    """What is asked of a job, but for its molecules."""

    model_config = ConfigDict(extra="forbid")

    kind: JobKind = Field(default="relax", description="What to do.")
    model: str | None = Field(
        default=None, max_length=256, description="Name of the model; the server's if not given."
    )
    refine: RefineOptions | None = Field(
        default=None, description="How DFT refines; only with the kind `refine`."
    )
    sample: SampleOptions | None = Field(
        default=None, description="How to sample; only with the kind `sample`."
    )
    trajectory: bool = Field(
        default=False,
        description="Whether to answer with the positions after each step, too; for `relax` only.",
    )
    conformers: Conformers = 1
    keep: Keep = 1
    name: str | None = Field(default=None, max_length=256, description="For people.")
    tags: list[Tag] = Field(
        default_factory=list, max_length=16, description="Words to find the job by."
    )
    priority: Priority = Field(default="normal", description="Higher ones come first.")
    webhook: Webhook | None = Field(default=None, description="Whom to tell when the job ends.")
    deduplicate: bool = Field(
        default=False,
        description="Answer with an earlier job that asks for the same and has not failed.",
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        for option, kind in KIND_OF_OPTION.items():
            is_default = getattr(self, option) == JobOptions.model_fields[option].default
            if not is_default and self.kind != kind:
                raise PydanticCustomError(
                    "options-of-other-kind",
                    "{option} goes with the kind {fitting}, not with {kind}.",
                    {"option": option, "fitting": kind, "kind": self.kind},
                )
        return self


class JobRequest(JobOptions):
    """The body of `POST /v1/jobs` as JSON.

    The molecules are validated one by one while the job runs, so that a bad one becomes an error
    in its own result.
    """

    molecules: list[SkipValidation[Molecule | str]] = Field(
        min_length=1,
        description="The molecules; a plain string is a SMILES. The results keep their order.",
        examples=[["CC(=O)OCC(N)C=O", {"smiles": "c1ccncc1O", "id": "pyridinol"}]],
    )


class Counts(BaseModel):
    """How many molecules of a job stand where."""

    total: int = Field(description="All molecules of the job.")
    ok: int = Field(default=0, description="Done, with a geometry.")
    error: int = Field(default=0, description="Failed; the result says why.")
    cancelled: int = Field(default=0, description="Not done, because the job was cancelled.")

    @property
    def done(self) -> int:
        """How many are not worked on any more."""
        return self.ok + self.error + self.cancelled


class JobInfo(BaseModel):
    """One job as the server knows it."""

    id: str = Field(description="Identifier; later jobs have larger ones.")
    kind: JobKind = Field(description="What it does.")
    state: JobState = Field(description="Where it stands.")
    name: str | None = Field(default=None, description="As given.")
    tags: list[str] = Field(default_factory=list, description="As given.")
    priority: Priority = Field(description="As given.")
    model: str | None = Field(default=None, description="Name of the model, if one was asked for.")
    refine: RefineOptions | None = Field(default=None, description="How DFT refines.")
    sample: SampleOptions | None = Field(default=None, description="How it samples.")
    counts: Counts = Field(description="How many molecules stand where.")
    created_at: datetime = Field(description="When it was accepted.")
    started_at: datetime | None = Field(default=None, description="When work on it began.")
    finished_at: datetime | None = Field(default=None, description="When its state became final.")
    expires_at: datetime | None = Field(
        default=None, description="When it is deleted with its results; null while it runs."
    )
    cancel_requested: bool = Field(default=False, description="Whether it is being cancelled.")
    usage: Usage | None = Field(default=None, description="What its results took, summed.")


class JobList(BaseModel):
    """One page of jobs, latest first."""

    jobs: list[JobInfo] = Field(description="The jobs.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class JobResult(Result):
    """One molecule's answer in a job.

    A molecule that was not done because the job was cancelled has the status `error`, and an
    error of the type `urn:relaxd:error:resource:cancelled`.
    """

    index: int = Field(description="Position of the molecule in the job, from zero.")


class ResultPage(BaseModel):
    """One page of results, in the order of the molecules.

    It ends before the first molecule that is not done, unless a status is asked for.
    """

    results: list[JobResult] = Field(description="The results.")
    next: str | None = Field(
        description="Cursor of the next page, which may be empty as long as the job runs; null "
        "after the last molecule."
    )


class JobEvent(BaseModel):
    """One server-sent event of a job.

    `state`: `data` is {`state`}. `progress`: `data` is the counts. `step`, for each DFT gradient:
    {`index`, `id`, `n_gradients`, `energy_hartree`, `max_force`, `coarse`}, forces in eV/Angstrom.
    `sampling`, now and then: {`index`, `id`, `done`, `total`}, where geometries count once when
    they are relaxed, and once more when they are weighed.
    """

    id: int = Field(description="Number within the job; what `Last-Event-ID` resumes after.")
    event: Literal["state", "progress", "step", "sampling"] = Field(description="What happened.")
    data: dict[str, Any] = Field(description="What is to be known about it.")
