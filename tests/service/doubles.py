"""Chemistry and a model that do as the SMILES tells them, with the interface of the real ones."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from relaxd.client import schemas
from relaxd.relax import Molecule, MoleculeError, RelaxResult, Verdict
from relaxd.service.jobs import Cluster, Context, run_attempt
from relaxd.service.store import TaskRef

MODEL = SimpleNamespace(
    name="relaxd-small",
    sha256="0" * 64,
    level_of_theory="B3LYP/6-31G(2df,p)",
    elements=(1, 6, 7, 8, 9),
    max_atoms=29,
    n_parameters=12345,
    accuracy={"rmsd_median_angstrom": 0.03},
)


def read(wire: schemas.Molecule) -> Molecule:
    """A row of as many carbon atoms as the SMILES has letters; some words do harm instead."""
    word = wire.smiles or ""
    if word == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        time.sleep(3600)
    if word == "bug":
        raise ZeroDivisionError
    if word == "unreadable":
        raise MoleculeError("unparsable-smiles", "'unreadable' is not a SMILES.")
    positions = np.zeros((len(word), 3))
    positions[:, 0] = 1.5 * np.arange(len(word))
    charge = wire.charge or 0
    return Molecule(
        np.full(len(word), 6), positions, charge, 1 + charge % 2, id=wire.id, smiles=word
    )


def fallback(molecule: Molecule, in_domain: bool) -> RelaxResult:
    if molecule.smiles == "xenon-crash":
        os.abort()
    converged = molecule.smiles != "circle-for-ever"
    return relaxed(molecule, "gfn2-xtb", in_domain=in_domain, converged=converged)


def relaxed(
    molecule: Molecule, method: str, *, in_domain: bool, converged: bool = True
) -> RelaxResult:
    return RelaxResult(
        molecule=molecule,
        trajectory=np.stack([molecule.positions, molecule.positions + 0.1]),
        converged=converged,
        n_evaluations=8,
        rmsd_from_start=0.0,
        seconds=0.001,
        verdict=Verdict(
            connectivity_kept=None,
            stereo_kept=None,
            in_domain=in_domain,
            expected_error_kcal_mol=None,
            method=method,
        ),
    )


class FakeRelaxer:
    """Counts what it is asked; `gate`, while closed, holds every batch."""

    def __init__(self, name: str = MODEL.name) -> None:
        self.model = SimpleNamespace(**{**vars(MODEL), "name": name})
        self.n_forward = 0
        self.batches: list[int] = []
        self.loaded = threading.Event()
        self.gate = threading.Event()
        self.loaded.set()
        self.gate.set()

    def load(self, model: str, device: str) -> Any:
        self.loaded.wait()
        return self

    def in_domain(self, molecule: Molecule) -> bool:
        return not str(molecule.smiles).startswith("xenon")

    def relax_in_domain(self, molecules: Sequence[Molecule]) -> list[RelaxResult]:
        self.gate.wait()
        self.batches.append(len(molecules))
        self.n_forward += 1
        words = [molecule.smiles for molecule in molecules]
        if "poison" in words:
            raise RuntimeError("a fault of the model")
        if "huge" in words:
            raise MemoryError
        results = [
            relaxed(m, "diffusion", in_domain=True, converged="circle" not in str(m.smiles))
            for m in molecules
        ]
        for result in results:
            if result.molecule.smiles == "diverge":
                result.positions[0, 0] = np.nan
        return results


class ThreadCluster:
    """A worker that is a thread of this process, and otherwise does as one of Dask does."""

    is_connected = True

    def __init__(self, context: Context, threads: ThreadPoolExecutor) -> None:
        self._context = context
        self._threads = threads

    async def slots(self) -> dict[str, int]:
        return {"cpu": 1, "gpu": 0}

    async def run(self, ref: TaskRef) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run_attempt, self._context, ref)


@asynccontextmanager
async def thread_cluster(context: Context) -> AsyncIterator[Cluster]:
    threads = ThreadPoolExecutor(2)
    try:
        yield ThreadCluster(context, threads)
    finally:
        await asyncio.to_thread(threads.shutdown, cancel_futures=True)
