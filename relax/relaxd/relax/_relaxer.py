"""Molecules to their minima: by the model where it may be used, else by GFN2-xTB."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import ase
import numpy as np
import numpy.typing as npt
import torch
from rdkit import Chem

from relaxd.model import DEFAULT_MODEL, LoadedModel, compiled, load_model, with_onednn

from ._buckets import PAIRS_PER_BATCH, PAIRS_PER_GPU_BATCH, buckets, to_batch
from ._conformers import CONFORMER_SEED
from ._domain import Domain, is_large_enough
from ._ensemble import Ensemble, conformer_starts, rank_conformers
from ._errors import MoleculeError
from ._fallback import relax_doubtful, relax_fallback
from ._molecule import Molecule
from ._precision import Precision, in_bf16
from ._read import to_molecule
from ._result import RelaxResult, make_result
from ._sampler import Denoise, Schedule, relax_to_fixpoint
from ._samples import BoltzmannSample
from ._sampling import Progress, sample_boltzmann

MoleculeLike: TypeAlias = Molecule | str | ase.Atoms | Chem.Mol
"""What stands for a molecule: a string is a SMILES."""

ERRORS_TOLD = (0.01, 100.0)
"""kcal/mol; no expectation is smaller, for no geometry is known so well, or larger."""


@dataclass(frozen=True)
class ModelSummary:
    """What a user may want to know of a model.

    Attributes:
        name: by which it is asked for.
        sha256: hash of the weights file.
        level_of_theory: of the minima it was trained on.
        elements: atomic numbers it knows.
        max_atoms: size of its domain, hydrogens included.
        n_parameters: trained parameters.
        accuracy: figures as last measured; each key names quantity and unit.
    """

    name: str
    sha256: str
    level_of_theory: str
    elements: tuple[int, ...]
    max_atoms: int
    n_parameters: int
    accuracy: dict[str, float] = field(default_factory=dict)


class Relaxer:
    """Relaxes molecules with a trained model.

    Args:
        model: the model.
        schedule: how it is iterated.
        device: where the model is.
        precision: of its matrix products; bf16 is for GPUs.
        compiled_in: folder of networks compiled for this machine, or None to compile none.
    """

    def __init__(
        self,
        model: LoadedModel,
        schedule: Schedule | None = None,
        device: str = "cpu",
        precision: Precision = "fp32",
        compiled_in: Path | None = None,
    ) -> None:
        self.domain = Domain.from_card(model.card)
        self.schedule = schedule or Schedule()
        self.n_forward = 0
        self.model = ModelSummary(
            name=model.name,
            sha256=model.sha256,
            level_of_theory=model.card["level_of_theory"],
            elements=self.domain.elements,
            max_atoms=self.domain.max_atoms,
            n_parameters=sum(p.numel() for p in model.denoiser.parameters()),
            accuracy=model.card.get("accuracy", {}),
        )
        self._denoiser, self._device = model.denoiser, device
        on_cpu = torch.device(device).type == "cpu"
        if compiled_in is not None and not (on_cpu and precision == "fp32"):
            raise ValueError("networks are compiled for the CPU, in single precision")
        self._denoise = _network(model, on_cpu, precision, compiled_in)
        self._pairs_per_batch = PAIRS_PER_BATCH if on_cpu else PAIRS_PER_GPU_BATCH

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        device: str = "cpu",
        precision: Precision = "fp32",
        compiled_in: Path | None = None,
    ) -> "Relaxer":
        """Loads a model that ships with relaxd, or one from a `.safetensors` file.

        Args:
            model: name or path.
            device: torch device.
            precision: of the matrix products.
            compiled_in: folder of networks compiled for this machine, which take half the time for
                a single molecule. One that is missing is compiled first: that takes a minute, and
                a C++ compiler. Only for the CPU, in single precision.

        Raises:
            UnknownModelError: no such model.
            CompilationError: the network could not be compiled, or gives other results then.
            ValueError: a compiled network on a GPU, or in bf16.
        """
        loaded = load_model(model, device)
        return cls(loaded, device=device, precision=precision, compiled_in=compiled_in)

    def in_domain(self, molecule: Molecule) -> bool:
        """Whether the model was trained for such molecules."""
        return molecule in self.domain

    def relax(self, molecule: MoleculeLike) -> RelaxResult:
        """Relaxes one molecule; `verdict.method` of the result says by what.

        That is GFN2-xTB outside the model's domain, and where the model sees what is unlike its
        training or finds no fixed point.

        Args:
            molecule: SMILES, or a geometry, which is used as given.

        Raises:
            MoleculeError: the molecule is refused, or GFN2-xTB fails on it.
        """
        (outcome,) = self.relax_batch([molecule])
        if isinstance(outcome, MoleculeError):
            raise outcome
        return outcome

    def relax_batch(self, molecules: Sequence[MoleculeLike]) -> list[RelaxResult | MoleculeError]:
        """Relaxes many molecules, those of the model's domain together.

        Args:
            molecules: as for `relax`.

        Returns:
            In the same order, a result or the reason why there is none.
        """
        outcomes: list[Molecule | RelaxResult | MoleculeError] = [
            _attempt(to_molecule, molecule) for molecule in molecules
        ]
        inside = [i for i, m in enumerate(outcomes) if isinstance(m, Molecule) and m in self.domain]
        relaxed = self.relax_in_domain([outcomes[i] for i in inside])  # type: ignore[misc]
        for i, result in zip(inside, relaxed, strict=True):
            outcomes[i] = relax_doubtful(result) if result.is_doubtful else result
        return [_attempt(relax_fallback, m) if isinstance(m, Molecule) else m for m in outcomes]

    def sample(
        self,
        molecule: MoleculeLike,
        temperature: float = 298.15,
        n_samples: int = 1000,
        *,
        reweight: bool = True,
        seed: int = CONFORMER_SEED,
        progress: Progress | None = None,
    ) -> BoltzmannSample:
        """Draws conformations of a molecule at a temperature; see `sample_boltzmann`.

        Args:
            molecule: SMILES, or a geometry, of the model's domain.
            temperature: K.
            n_samples: geometries to draw.
            reweight: whether to weigh them by GFN2-xTB energies; all weights are equal otherwise.
            seed: of all random numbers.
            progress: called with how many geometries are relaxed or weighed, and of how many.

        Raises:
            MoleculeError: the molecule is refused; out-of-domain, no-bonds, frozen-conformers,
                no-force-field, linear-molecule.
        """
        molecule = to_molecule(molecule)
        if molecule not in self.domain:
            reason = "the model was not trained for such molecules, and samples no others"
            raise MoleculeError("out-of-domain", reason, molecule.id)
        return sample_boltzmann(
            molecule,
            self.relax_positions,
            temperature=temperature,
            n_samples=n_samples,
            reweight=reweight,
            seed=seed,
            progress=progress,
        )

    def relax_positions(
        self, molecule: Molecule, positions: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(k, n, 3) minima that (k, n, 3) geometries of one molecule belong to, Angstrom."""
        size = max(1, self._pairs_per_batch // len(molecule) ** 2)
        parts = []
        for first in range(0, len(positions), size):
            part = positions[first : first + size]
            batch, frozen, _ = to_batch([molecule] * len(part), self._device)
            moved = torch.from_numpy(part - part.mean(1, keepdims=True)).float()
            batch = batch.with_positions(moved.to(self._device))
            end = relax_to_fixpoint(self._denoise, batch, self.schedule, frozen)
            parts.append(end.positions.double().cpu().numpy())
            self.n_forward += end.n_forward
        return np.concatenate(parts)

    def conformers(
        self, molecule: MoleculeLike, n: int, *, keep: int = 1, seed: int = CONFORMER_SEED
    ) -> Ensemble:
        """Relaxes many embedded geometries of a molecule together, and returns the lowest.

        Conformers are ranked by GFN2-xTB energies of their relaxed geometries, mirror images of an
        achiral molecule counted as one.

        Args:
            molecule: SMILES, or a geometry, which is one of the starts as given.
            n: geometries to relax, doubles included.
            keep: conformers to return, if so many are found.
            seed: of the random numbers, from 0 to 2^31 - 1.

        Raises:
            MoleculeError: the molecule is refused; no-bonds, frozen-conformers; or no conformer
                could be relaxed.
        """
        outcomes = self.relax_batch(conformer_starts(to_molecule(molecule), n, seed))
        relaxed = [outcome for outcome in outcomes if isinstance(outcome, RelaxResult)]
        if not relaxed:
            raise next(outcome for outcome in outcomes if isinstance(outcome, MoleculeError))
        return rank_conformers(relaxed, keep)

    def relax_in_domain(self, molecules: Sequence[Molecule]) -> list[RelaxResult]:
        """Relaxes molecules of the model's domain by the model alone, in batches of like size.

        Args:
            molecules: each `in_domain`.
        """
        results: dict[int, RelaxResult] = {}
        sizes = [len(molecule) for molecule in molecules]
        for rows in buckets(sizes, self._pairs_per_batch):
            bucket = [molecules[row] for row in rows]
            results.update(zip(rows, self._relax_bucket(bucket), strict=True))
        return [results[row] for row in range(len(molecules))]

    def _relax_bucket(self, molecules: list[Molecule]) -> list[RelaxResult]:
        clock = time.perf_counter()
        batch, frozen, centroids = to_batch(molecules, self._device)
        end = relax_to_fixpoint(self._denoise, batch, self.schedule, frozen)
        log_error, novelty = self._denoiser.judge(batch, end.seen)
        self.n_forward += end.n_forward
        trajectory = end.trajectory.double().cpu().numpy()
        seconds = time.perf_counter() - clock
        return [
            make_result(
                molecule,
                _trajectory(molecule, trajectory[: n + 1, b, : len(molecule)] + centroid),
                method="diffusion",
                in_domain=not float(novelty[b]) > 1 and is_large_enough(molecule),
                converged=bool(end.converged[b]),
                n_evaluations=n,
                seconds=seconds,
                expected_error=_expected_error(float(log_error[b])),
            )
            for b, (molecule, centroid, n) in enumerate(
                zip(molecules, centroids, end.n_evaluations.tolist(), strict=True)
            )
        ]


def _network(
    model: LoadedModel, on_cpu: bool, precision: Precision, compiled_in: Path | None
) -> Denoise:
    describe = model.denoiser.describe if compiled_in is None else compiled(model, compiled_in)
    if precision == "bf16":
        return in_bf16(describe)
    return with_onednn(describe) if on_cpu else describe


def _expected_error(log_error: float) -> float | None:
    if not math.isfinite(log_error):
        return None
    smallest, largest = map(math.log, ERRORS_TOLD)
    return math.exp(min(max(log_error, smallest), largest))


def _trajectory(molecule: Molecule, frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Puts start and frozen atoms exactly where they were, free of single precision's rounding."""
    frozen = list(molecule.frozen)
    frames[0] = molecule.positions
    frames[:, frozen] = molecule.positions[frozen]
    return frames


def _attempt(function: Any, molecule: Any) -> Any:
    try:
        return function(molecule)
    except MoleculeError as error:
        return error
