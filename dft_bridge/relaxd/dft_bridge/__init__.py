"""DFT for relaxd: energies, and relaxations that start warm, by PySCF."""

from ._backend import System
from ._batch import Batch, Outcome
from ._errors import CODES, Category, DftError, RefinementCancelled
from ._events import Event, ScfCycle, Step
from ._levels import LEVELS, TRAINING_LEVEL, Level
from ._point import Point
from ._refinement import Refinement, refine
from ._result import RefineResult
from ._single_point import SinglePoints, single_point
from ._task import Hessian, RefineSettings, Task

__all__ = [
    "CODES",
    "LEVELS",
    "TRAINING_LEVEL",
    "Batch",
    "Category",
    "DftError",
    "Event",
    "Hessian",
    "Level",
    "Outcome",
    "Point",
    "RefineResult",
    "RefineSettings",
    "Refinement",
    "RefinementCancelled",
    "ScfCycle",
    "SinglePoints",
    "Step",
    "System",
    "Task",
    "refine",
    "single_point",
]
