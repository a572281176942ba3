"""What a relaxation returns."""

from collections.abc import Mapping
from dataclasses import dataclass

import ase
import numpy as np
import numpy.typing as npt

from ._molecule import Molecule
from ._superposition import superposed_rmsd
from ._verdict import Verdict, connectivity_kept, stereo_kept


@dataclass(frozen=True, eq=False)
class RelaxResult:
    """One relaxed molecule.

    Attributes:
        molecule: the start.
        trajectory: (k, n, 3), Angstrom, in the frame and the order of atoms of the start: the
            start, the geometry after each step, and last the relaxed one.
        converged: whether the last step moved no atom by more than the tolerance, or, for
            GFN2-xTB, whether the forces fell below the threshold.
        n_evaluations: evaluations of the network, or gradients of GFN2-xTB.
        rmsd_from_start: Angstrom, after the best superposition.
        seconds: wall time of the batch the molecule was relaxed in.
        verdict: what can be said of the geometry.
    """

    molecule: Molecule
    trajectory: npt.NDArray[np.float64]
    converged: bool
    n_evaluations: int
    rmsd_from_start: float
    seconds: float
    verdict: Verdict

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """(n, 3), Angstrom: the relaxed geometry."""
        end: npt.NDArray[np.float64] = self.trajectory[-1]
        return end

    @property
    def is_doubtful(self) -> bool:
        """Whether the model did not converge, or saw what is unlike its training."""
        return not (self.converged and self.verdict.in_domain)

    def to_atoms(self) -> ase.Atoms:
        """The relaxed geometry, with charge, multiplicity and method in `info`."""
        atoms = self.molecule.to_atoms()
        atoms.set_positions(self.positions, apply_constraint=False)
        atoms.info["method"] = self.verdict.method
        return atoms

    def to_sdf(self, properties: Mapping[str, object] | None = None) -> str | None:
        """One SDF record of the relaxed geometry; None where the bonds are unknown.

        Args:
            properties: data items besides method and convergence.
        """
        items = {"method": self.verdict.method, "converged": self.converged}
        return self.molecule.with_positions(self.positions).to_sdf({**items, **(properties or {})})


def make_result(
    molecule: Molecule,
    trajectory: npt.NDArray[np.float64],
    *,
    method: str,
    in_domain: bool,
    converged: bool,
    n_evaluations: int,
    seconds: float,
    expected_error: float | None = None,
) -> RelaxResult:
    """Compares a relaxed geometry with its start and passes the verdict.

    Args:
        molecule: the start.
        trajectory: (k, n, 3), Angstrom; the start first, the relaxed geometry last.
        method: what made the geometry.
        in_domain: whether the model was trained for such molecules.
        converged: whether the method says it has converged.
        n_evaluations: of the network, or of the gradient.
        seconds: wall time.
        expected_error: energy above the minimum, kcal/mol, where it is known.
    """
    positions = trajectory[-1]
    return RelaxResult(
        molecule=molecule,
        trajectory=trajectory,
        converged=converged,
        n_evaluations=n_evaluations,
        rmsd_from_start=superposed_rmsd(molecule.positions, positions),
        seconds=seconds,
        verdict=Verdict(
            connectivity_kept=connectivity_kept(molecule, positions),
            stereo_kept=stereo_kept(molecule, positions),
            in_domain=in_domain,
            expected_error_kcal_mol=expected_error,
            method=method,
        ),
    )
