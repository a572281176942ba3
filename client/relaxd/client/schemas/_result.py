"""What the server answers for each molecule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, Field

from relaxd.client import _convert, _samples
from relaxd.client._errors import error_from_problem
from relaxd.client.schemas._molecule import Position
from relaxd.client.schemas._problem import Problem
from relaxd.client.schemas._sample import Sample

if TYPE_CHECKING:
    import ase
    from rdkit import Chem


class Relaxation(BaseModel):
    """How the relaxation went."""

    converged: bool = Field(description="Whether the convergence criterion was met.")
    n_evaluations: int = Field(description="Evaluations of the network, or gradients of xTB.")
    rmsd_from_start: float = Field(
        description="Root-mean-square displacement from the start, superposed. Unit: Angstrom."
    )
    seconds: float = Field(description="Wall time of the batch this molecule was in. Unit: s.")


class Verdict(BaseModel):
    """What is known about the relaxed geometry."""

    connectivity_kept: bool | None = Field(
        description="Whether the bonds are those of the start; null where they are not known."
    )
    stereo_kept: bool | None = Field(
        description="Whether every stereo element is as in the start; null where not known."
    )
    in_domain: bool = Field(
        description="Whether the model was trained for such elements, charge, spin and size, and "
        "sees no surroundings of an atom that are unlike its training."
    )
    expected_error_kcal_mol: float | None = Field(
        description="Expected energy above the DFT minimum of the basin, in the mean over such "
        "molecules; null where not known. Unit: kcal/mol."
    )
    method: str = Field(
        description="What made the geometry: the model, or the named fallback.",
        examples=["diffusion", "gfn2-xtb", "mmff94"],
    )


class Conformer(BaseModel):
    """One conformer of a molecule."""

    positions: list[Position] = Field(description="Relaxed, shape (n, 3). Unit: Angstrom.")
    relative_energy_kcal_mol: float = Field(
        description="Above the lowest conformer found. Unit: kcal/mol."
    )
    population: float = Field(
        description="Share of all conformers found, at 298.15 K, by their energies and the ways "
        "to have each; vibrations are not weighed."
    )
    ranked_by: str = Field(
        description="Method of the energy, at the relaxed geometry.", examples=["gfn2-xtb"]
    )
    sdf: str | None = Field(description="As SDF, with energy and population.")
    relaxation: Relaxation = Field(description="How the relaxation went.")
    verdict: Verdict = Field(description="What is known about the geometry.")


class Dft(BaseModel):
    """How the refinement by DFT went; the energy is that of the result's positions."""

    level: str = Field(description="Level of theory.", examples=["b3lyp/6-31g(2df,p)"])
    converged: bool = Field(description="Whether every convergence criterion is met.")
    energy_hartree: float = Field(description="Energy. Unit: Hartree.")
    max_force: float = Field(description="On an atom that may move. Unit: eV/Angstrom.")
    forces: list[Position] = Field(description="Shape (n, 3). Unit: eV/Angstrom.")
    n_gradients: int = Field(description="Gradient evaluations.")
    scf_cycles: int = Field(description="Cycles of the self-consistent field, in all of them.")
    seconds: float = Field(description="Wall time. Unit: s.")
    start: str = Field(
        description="What made the starting geometry.", examples=["relaxd", "given", "gfn2-xtb"]
    )
    hessian: str = Field(description="Where the optimiser knew curvature from.")
    same_connectivity: bool | None = Field(
        description="Whether the bonds are those of the start; null where they are not known."
    )
    backend: str = Field(description="What computed it.", examples=["pyscf"])
    is_minimum: bool | None = Field(
        default=None, description="Whether all frequencies are real; null where not asked for."
    )
    wavenumbers: list[float] | None = Field(
        default=None, description="Harmonic ones, imaginary as negative. Unit: 1/cm."
    )


class Usage(BaseModel):
    """What the result took; a molecule's share where a batch was computed as one."""

    cpu_seconds: float = Field(description="Processor time. Unit: s.")
    gpu_seconds: float = Field(description="Time on the GPU. Unit: s.")
    energy_wh: float = Field(description="Electrical energy. Unit: Wh.")
    co2e_g: float | None = Field(
        description="CO2 equivalent; null where the server knows no carbon intensity. Unit: g."
    )
    estimated: bool = Field(description="Whether the energy is estimated rather than measured.")


class Result(BaseModel):
    """One molecule's answer: the relaxed geometry, or `error`."""

    id: str | None = Field(default=None, description="As given in the request.")
    status: Literal["ok", "error"] = Field(description="Whether there is a geometry.")
    smiles: str | None = Field(
        default=None, description="Canonical SMILES; null where the bonds are not known."
    )
    atomic_numbers: list[int] | None = Field(
        default=None, description="Atomic numbers, shape (n,), in the order of the input."
    )
    positions: list[Position] | None = Field(
        default=None, description="Relaxed positions, shape (n, 3). Unit: Angstrom."
    )
    start_positions: list[Position] | None = Field(
        default=None, description="Positions before the relaxation, shape (n, 3). Unit: Angstrom."
    )
    trajectory: list[list[Position]] | None = Field(
        default=None,
        description="Where asked for: the start, the positions after each step, and last the "
        "relaxed ones, shape (k, n, 3). Unit: Angstrom.",
    )
    charge: int | None = Field(default=None, description="Total charge. Unit: e.")
    multiplicity: int | None = Field(default=None, description="Spin multiplicity, 2S + 1.")
    sdf: str | None = Field(
        default=None, description="Relaxed geometry as SDF; null where the bonds are not known."
    )
    relaxation: Relaxation | None = Field(default=None, description="How the relaxation went.")
    verdict: Verdict | None = Field(default=None, description="What is known about the geometry.")
    conformers: list[Conformer] | None = Field(
        default=None,
        description="Where more than one is looked for: the lowest conformers, the lowest first, "
        "whose geometry is that of the result. Mirror images of an achiral molecule are one.",
    )
    conformers_found: int | None = Field(
        default=None, description="Conformers found, those not kept included."
    )
    dft: Dft | None = Field(default=None, description="How DFT went, where it refined.")
    sample: Sample | None = Field(
        default=None, description="What was drawn, where it sampled conformations."
    )
    usage: Usage | None = Field(default=None, description="What it took.")
    error: Problem | None = Field(default=None, description="Why there is no geometry.")

    def raise_for_status(self) -> Self:
        """Return the result itself.

        Raises:
            RelaxdError: the one that `error` stands for, where the status is `error`.
        """
        if self.error is not None:
            raise error_from_problem(self.error)
        return self

    def to_ase(self) -> ase.Atoms:
        """Return the relaxed geometry; `info` holds charge, multiplicity and id.

        Raises:
            RelaxdError: the status is `error`.
            ModuleNotFoundError: ASE is not installed.
        """
        return _convert.to_ase(self.raise_for_status())

    def to_rdkit(self) -> Chem.Mol:
        """Return the relaxed geometry with hydrogens, and with bonds where they are known.

        Raises:
            RelaxdError: the status is `error`.
            ModuleNotFoundError: RDKit is not installed.
        """
        return _convert.to_rdkit(self.raise_for_status())

    def samples_to_ase(self) -> list[ase.Atoms]:
        """Return the sampled geometries; `info` also holds weight, conformer and energy.

        Raises:
            RelaxdError: the status is `error`.
            ValueError: nothing was sampled.
            ModuleNotFoundError: ASE is not installed.
        """
        return _samples.samples_to_ase(self.raise_for_status())

    def samples_to_rdkit(self) -> Chem.Mol:
        """Return the molecule with the sampled geometries as its conformers.

        Each has the properties `weight`, `conformer` and, if known, `relative_energy_kcal_mol`.

        Raises:
            RelaxdError: the status is `error`.
            ValueError: nothing was sampled.
            ModuleNotFoundError: RDKit is not installed.
        """
        return _samples.samples_to_rdkit(self.raise_for_status())


class RelaxResponse(BaseModel):
    """The answer to `POST /v1/relax`."""

    model: str = Field(description="Name of the model that was used.")
    results: list[Result] = Field(description="One result per molecule, in the request's order.")
