"""Types of the arrays that are passed about."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
"""Any shape; each function says which, in which unit."""

Positions = npt.NDArray[np.float64]
"""(n, 3), Angstrom."""

Gradient = npt.NDArray[np.float64]
"""(n, 3), eV/Angstrom; the force with its sign changed."""
