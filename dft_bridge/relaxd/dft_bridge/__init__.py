"""DFT for relaxd: levels of theory and energies, by PySCF."""

from ._levels import TRAINING_LEVEL, Level, LevelError
from ._single_point import GRID_LEVEL, ScfConvergenceError, single_point

__all__ = [
    "GRID_LEVEL",
    "TRAINING_LEVEL",
    "Level",
    "LevelError",
    "ScfConvergenceError",
    "single_point",
]
