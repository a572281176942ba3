"""Tasks of the kind `refine`: one molecule after the other, DFT in a process of its own."""

import hashlib
import json
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relaxd.client.schemas import Dft, JobResult, RefineOptions
from relaxd.client.schemas import Verdict as WireVerdict
from relaxd.dft_bridge import (
    DftError,
    Level,
    Refinement,
    RefinementCancelled,
    RefineResult,
    RefineSettings,
    Step,
    Task,
)
from relaxd.relax import Molecule, MoleculeError, RelaxResult, connectivity_kept, stereo_kept
from relaxd.service._faults import problem_of
from relaxd.service._pipeline import Pipeline
from relaxd.service._problems import ProblemError
from relaxd.service._refined import Refined
from relaxd.service._settings import Settings
from relaxd.service._starting import METHODS, Start
from relaxd.service._usage import Cost, usage
from relaxd.service._wire import error_result, relaxation_of
from relaxd.service.jobs._heart import Heart
from relaxd.service.jobs._runtime import Runtime
from relaxd.service.store import Order, TaskRef, Work

MAX_CRASHES = 3
"""A molecule whose process of DFT died so often is given up; each goes on where the last was."""


@dataclass(frozen=True)
class Started:
    """A molecule that is ready for DFT.

    Attributes:
        start: the molecule and its starting geometry.
        relaxed: what the model did before, if it was asked to.
        in_domain: whether the model was trained for such molecules.
        cost: of reading and relaxing it.
    """

    start: Start
    relaxed: RelaxResult | None
    in_domain: bool
    cost: Cost


def refine_task(runtime: Runtime, ref: TaskRef, work: Work, heart: Heart) -> list[JobResult]:
    """Refine molecules.

    Returns:
        Their results; if it is stopped, those that are done.
    """
    options = work.options.refine or RefineOptions()
    results = []
    for index, molecule in work.molecules.items():
        if heart.order is not Order.GO_ON:
            break
        try:
            started = _started(runtime.pipeline, molecule, options, work.options.model)
            start = runtime.stoppable(started, heart)
            results.append(_refine(runtime, ref, heart, options, index, start))
        except (CancelledError, RefinementCancelled):
            break
        except Exception as error:
            result = error_result(molecule, problem_of(error))
            results.append(JobResult(index=index, **dict(result)))
    return results


def _refine(
    runtime: Runtime,
    ref: TaskRef,
    heart: Heart,
    options: RefineOptions,
    index: int,
    started: Started,
) -> JobResult:
    task = started.start.to_task(refine_settings(options, runtime.settings))
    journal = journal_of(runtime.settings, ref.job_id, index, task)
    tells = _Tells(runtime, ref, index, started.start.molecule.id)
    try:
        refined = _compute(task, journal, heart, tells)
    except DftError as error:
        if error.best is None:
            raise
        result = _result(index, started, error.best, runtime.settings)
        return result.model_copy(update={"status": "error", "error": problem_of(error).problem})
    return _result(index, started, refined, runtime.settings)


def refine_settings(options: RefineOptions, settings: Settings) -> RefineSettings:
    """Return how to refine, as a job and the operator say.

    Raises:
        DftError: unknown level or solvent.
    """
    return RefineSettings(
        level=Level.parse(options.level, options.solvent),
        hessian=options.hessian,
        frequencies=options.frequencies,
        max_gradients=options.max_gradients,
        device=options.device,
        threads=settings.dft_threads,
        memory_mb=settings.dft_memory_mb,
    )


def journal_of(settings: Settings, job_id: str, index: int, task: Task) -> Path:
    """Return where a molecule's points are kept; named by what is computed.

    A worker whose processor relaxes to a start that differs in the last digit begins anew.
    """
    identity = json.dumps(task.identity(), sort_keys=True)
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return settings.journals / job_id / f"{index}-{name}.jsonl"


async def _started(
    pipeline: Pipeline, item: Any, options: RefineOptions, model: str | None
) -> Started:
    if options.start == "given":
        molecule, cost = await pipeline.read(item, model)
        start = Start(molecule, molecule, "given")
        return Started(start, None, pipeline.in_domain(molecule, model), cost)
    relaxed, cost = await pipeline.relax(item, model)
    molecule, verdict = relaxed.molecule, relaxed.verdict
    moved = molecule.with_positions(relaxed.positions)
    start = Start(molecule, moved, METHODS.get(verdict.method, verdict.method))
    return Started(start, relaxed, verdict.in_domain, cost)


@dataclass(frozen=True)
class _Tells:
    """Passes DFT's steps on to those who watch the job."""

    runtime: Runtime
    ref: TaskRef
    index: int
    id: str | None

    def __call__(self, step: Step) -> None:
        data = {
            "index": self.index,
            "id": self.id,
            "n_gradients": step.n_gradients,
            "energy_hartree": step.energy_hartree,
            "max_force": step.max_force,
            "coarse": step.coarse,
        }
        self.runtime.queue.tell(self.ref, data)


def _compute(task: Task, journal: Path, heart: Heart, tell: _Tells) -> RefineResult:
    journal.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(MAX_CRASHES - 1):
        try:
            return _refine_in(task, journal, heart, tell)
        except DftError as error:
            if error.code == "journal-in-use":
                # A worker that is cut off still writes there; it will not be believed.
                journal = journal.with_suffix(f".{tell.ref.attempt}.jsonl")
            elif error.code != "worker-crashed":
                raise
    return _refine_in(task, journal, heart, tell)


def _refine_in(task: Task, journal: Path, heart: Heart, tell: _Tells) -> RefineResult:
    with Refinement(task, journal) as refinement:
        heart.on_stop(refinement.cancel)
        for event in refinement.events():
            # What the journal holds was told when it was computed.
            if isinstance(event, Step) and not event.from_journal:
                tell(event)
        return refinement.result()


def _result(index: int, started: Started, refined: RefineResult, settings: Settings) -> JobResult:
    molecule = started.start.molecule
    return JobResult(
        index=index,
        id=molecule.id,
        status="ok",
        smiles=molecule.smiles,
        atomic_numbers=molecule.atomic_numbers.tolist(),
        positions=refined.positions.tolist(),
        start_positions=molecule.positions.tolist(),
        charge=molecule.charge,
        multiplicity=molecule.multiplicity,
        sdf=_sdf(molecule, refined),
        relaxation=None if started.relaxed is None else relaxation_of(started.relaxed),
        verdict=_verdict(started, refined),
        dft=_dft(molecule, refined),
        usage=usage(started.cost + Cost(cpu_seconds=refined.cpu_seconds), settings),
    )


def _sdf(molecule: Molecule, refined: RefineResult) -> str | None:
    try:
        return Refined(molecule, refined).to_sdf()
    except MoleculeError as error:
        raise ProblemError("convergence", "diverged", error.message) from error


def _verdict(started: Started, refined: RefineResult) -> WireVerdict:
    molecule = started.start.molecule
    return WireVerdict(
        connectivity_kept=connectivity_kept(molecule, refined.positions),
        stereo_kept=stereo_kept(molecule, refined.positions),
        in_domain=started.in_domain,
        expected_error_kcal_mol=None,
        method="dft",
    )


def _dft(molecule: Molecule, refined: RefineResult) -> Dft:
    wavenumbers = refined.wavenumbers
    return Dft(
        level=refined.level,
        converged=refined.converged,
        energy_hartree=refined.energy_hartree,
        max_force=refined.max_force,
        forces=refined.forces.tolist(),
        n_gradients=refined.n_gradients,
        scf_cycles=refined.scf_cycles,
        seconds=refined.seconds,
        start=refined.start,
        hessian=refined.hessian,
        same_connectivity=Refined(molecule, refined).bonds_kept,
        backend=refined.backend,
        is_minimum=refined.is_minimum,
        wavenumbers=None if wavenumbers is None else wavenumbers.tolist(),
    )
