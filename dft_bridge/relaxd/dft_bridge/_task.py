"""What one refinement is asked to do."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import ase
import numpy as np

from ._arrays import Positions
from ._backend import Device, System, check_positions, check_system
from ._errors import DftError
from ._levels import TRAINING_LEVEL, Level

Hessian = Literal["gfn2-xtb", "model"]
"""Where the optimiser knows curvature from: GFN2-xTB, or force constants by kind of coordinate."""

NEAR_STARTS = frozenset({"relaxd"})
"""What makes geometries so near their minimum that no coarse DFT point comes first."""


@dataclass(frozen=True)
class RefineSettings:
    """How a geometry is refined.

    Attributes:
        level: level of theory.
        hessian: the cheap knowledge of the surface; where GFN2-xTB has no answer, it is `model`.
        frequencies: whether to check that the minimum is one, by its harmonic frequencies.
        max_gradients: after so many gradients the result is the best so far, not converged.
        device: where to compute.
        threads: of the process that computes.
        memory_mb: what it may hold at most, MB; beyond it, it is ended.
    """

    level: Level = TRAINING_LEVEL
    hessian: Hessian = "gfn2-xtb"
    frequencies: bool = False
    max_gradients: int = 100
    device: Device = "auto"
    threads: int = 1
    memory_mb: int = 4000


@dataclass(frozen=True, eq=False)
class Task:
    """One molecule to refine.

    Attributes:
        system: species, charge and multiplicity.
        positions: where to start, (n, 3), Angstrom.
        frozen: indices of atoms that do not move.
        start: what made the starting geometry; see `NEAR_STARTS`.
        settings: how to refine it.
    """

    system: System
    positions: Positions
    frozen: tuple[int, ...] = ()
    start: str = "given"
    settings: RefineSettings = field(default_factory=RefineSettings)

    @classmethod
    def of(
        cls,
        atoms: ase.Atoms,
        settings: RefineSettings | None = None,
        *,
        charge: int = 0,
        multiplicity: int = 1,
        frozen: Sequence[int] = (),
        start: str = "given",
    ) -> "Task":
        """The task of refining `ase.Atoms`; nothing is checked yet.

        Args:
            atoms: species and starting positions (Angstrom).
            settings: how to refine.
            charge: total charge, e.
            multiplicity: 2S + 1.
            frozen: indices of atoms that do not move.
            start: what made the starting geometry; "relaxd" if relaxd did, which is near.
        """
        return cls(
            System(tuple(int(z) for z in atoms.numbers), charge, multiplicity),
            np.array(atoms.positions, dtype=np.float64),
            tuple(frozen),
            start,
            settings or RefineSettings(),
        )

    def check(self) -> None:
        """Looks for what can be seen to be wrong before anything is computed.

        Raises:
            DftError: unknown-element, multiplicity-parity, non-finite-positions,
                overlapping-atoms, frozen-out-of-range, no-frequencies.
        """
        check_system(self.system)
        check_positions(self.positions)
        for i in self.frozen:
            if not 0 <= i < len(self.positions):
                reason = f"frozen atom {i} is not among the {len(self.positions)} atoms"
                raise DftError("frozen-out-of-range", reason)
        if self.frozen and self.settings.frequencies:
            reason = "frequencies mean nothing where frozen atoms still feel forces"
            raise DftError("no-frequencies", reason)

    def identity(self) -> dict[str, Any]:
        """What makes two runs the same calculation: all but how far and on what it is run."""
        settings = self.settings
        return {
            **asdict(self.system),
            "positions": self.positions.tolist(),
            "frozen": list(self.frozen),
            "level": str(settings.level),
            "hessian": settings.hessian,
        }

    def to_dict(self) -> dict[str, Any]:
        """The task as JSON can hold it."""
        return {
            "system": asdict(self.system),
            "positions": self.positions.tolist(),
            "frozen": list(self.frozen),
            "start": self.start,
            "settings": asdict(self.settings),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Task":
        """The task that `to_dict` wrote."""
        system, settings = found["system"], found["settings"]
        level = Level(**settings["level"])
        return cls(
            system=System(**{**system, "atomic_numbers": tuple(system["atomic_numbers"])}),
            positions=np.array(found["positions"], dtype=np.float64).reshape(-1, 3),
            frozen=tuple(found["frozen"]),
            start=found["start"],
            settings=RefineSettings(**{**settings, "level": level}),
        )
