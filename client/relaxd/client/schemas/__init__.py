"""What goes over the wire, as pydantic models: shared by the SDK and the service."""

from relaxd.client.schemas._job import (
    FINAL_STATES,
    Counts,
    JobEvent,
    JobInfo,
    JobKind,
    JobList,
    JobOptions,
    JobRequest,
    JobResult,
    JobState,
    Priority,
    RefineOptions,
    ResultPage,
    Tag,
    Webhook,
)
from relaxd.client.schemas._models import ModelInfo, ModelList
from relaxd.client.schemas._molecule import (
    MAX_MOLECULES,
    MOLECULE_FORMS,
    Molecule,
    RelaxRequest,
)
from relaxd.client.schemas._problem import FieldFault, Problem
from relaxd.client.schemas._result import Dft, Relaxation, RelaxResponse, Result, Usage, Verdict

__all__ = [
    "FINAL_STATES",
    "MAX_MOLECULES",
    "MOLECULE_FORMS",
    "Counts",
    "Dft",
    "FieldFault",
    "JobEvent",
    "JobInfo",
    "JobKind",
    "JobList",
    "JobOptions",
    "JobRequest",
    "JobResult",
    "JobState",
    "ModelInfo",
    "ModelList",
    "Molecule",
    "Priority",
    "Problem",
    "RefineOptions",
    "RelaxRequest",
    "RelaxResponse",
    "Relaxation",
    "Result",
    "ResultPage",
    "Tag",
    "Usage",
    "Verdict",
    "Webhook",
]
