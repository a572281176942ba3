"""What goes over the wire, as pydantic models: shared by the SDK and the service."""

from relaxd.client.schemas._models import ModelInfo, ModelList
from relaxd.client.schemas._molecule import (
    MAX_MOLECULES,
    MOLECULE_FORMS,
    Molecule,
    RelaxRequest,
)
from relaxd.client.schemas._problem import FieldFault, Problem
from relaxd.client.schemas._result import Relaxation, RelaxResponse, Result, Usage, Verdict

__all__ = [
    "MAX_MOLECULES",
    "MOLECULE_FORMS",
    "FieldFault",
    "ModelInfo",
    "ModelList",
    "Molecule",
    "Problem",
    "RelaxRequest",
    "RelaxResponse",
    "Relaxation",
    "Result",
    "Usage",
    "Verdict",
]
