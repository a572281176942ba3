"""What the service computes with: loads, admits work up to a bound, and drains."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Self

import torch

from relaxd.client.schemas import ModelInfo, RelaxRequest, RelaxResponse
from relaxd.relax import Relaxer
from relaxd.service._metrics import Metrics
from relaxd.service._offered import RelaxerFactory, load_relaxers
from relaxd.service._pipeline import Fallback, Pipeline, Read
from relaxd.service._problems import RETRY_AFTER, ProblemError
from relaxd.service._settings import Settings
from relaxd.service._wire import model_info
from relaxd.service._workers import WorkerPool

logger = logging.getLogger(__name__)


class State(StrEnum):
    """What the engine is doing; it relaxes while `READY`."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


class Engine:
    """Relaxes molecules; enter it to load the models, leave it to drain.

    Args:
        settings: what the operator set.
        metrics: where to count.
        relaxer_factory: loads a model.
        read: reads a molecule, in a worker.
        fallback: relaxes a molecule outside the model's domain, in a worker.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        relaxer_factory: RelaxerFactory,
        read: Read,
        fallback: Fallback,
    ) -> None:
        self.state = State.LOADING
        self._settings = settings
        self._metrics = metrics
        self._load_relaxer = relaxer_factory
        self._read = read
        self._fallback = fallback
        preload = [read.__module__, fallback.__module__]
        self._pool = WorkerPool(settings.workers, settings.molecule_seconds, preload)
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._loaded = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Refuse new work, wait for what was admitted, then end."""
        self.drain()
        await self._loaded.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._settings.drain_seconds)
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        await asyncio.to_thread(self._pool.close)

    @property
    def models(self) -> list[ModelInfo]:
        """The models that can be asked for, the server's own first.

        Raises:
            ProblemError: nothing is loaded.
        """
        self.check_ready()
        return [model_info(relaxer) for relaxer in self._pipeline.relaxers]

    def check_ready(self) -> None:
        """Return if the engine can relax.

        Raises:
            ProblemError: it is loading, draining, or failed to load.
        """
        if self.state is not State.READY:
            detail = f"The server cannot relax: it is {self.state}."
            raise ProblemError("resource", self.state, detail, headers=RETRY_AFTER)

    @property
    def is_draining(self) -> bool:
        """Whether the server is about to end."""
        return self.state is State.DRAINING

    def drain(self) -> None:
        """Refuse new work from now on."""
        self.state = State.DRAINING

    def check_accepting(self) -> None:
        """Return if jobs may be accepted, which wait until they can be done.

        Raises:
            ProblemError: the engine is draining, or failed to load.
        """
        if self.state is not State.LOADING:
            self.check_ready()

    def check_model(self, model: str | None) -> None:
        """Return if there is a model of this name; None is the server's own.

        Raises:
            ProblemError: there is no such model.
        """
        if model is None:
            return
        self.check_ready()
        self._pipeline.name_of(model)

    async def relax(self, request: RelaxRequest) -> RelaxResponse:
        """Relax the entries of one request.

        Raises:
            ProblemError: the request as a whole is refused.
        """
        items: Sequence[Any] = request.molecules
        options = request.model_dump(include={"model", "trajectory", "conformers", "keep"})
        n_geometries = len(items) * request.conformers
        self._admit(len(items), n_geometries, request.model)
        self._count(n_geometries)
        try:
            results = await asyncio.gather(
                *(self._pipeline.answer(item, **options) for item in items)
            )
        finally:
            self._count(-n_geometries)
        return RelaxResponse(model=self._pipeline.name_of(request.model), results=results)

    def _admit(self, n: int, n_geometries: int, model: str | None) -> None:
        self.check_ready()
        self.check_model(model)
        limit = self._settings.max_pending
        if n > self._settings.max_molecules:
            detail = f"{n} molecules; one request may hold {self._settings.max_molecules}."
            raise ProblemError("limit", "too-many-molecules", detail)
        if n_geometries > limit:
            detail = f"{n_geometries} conformers; a request may ask for {limit}."
            raise ProblemError("limit", "too-many-conformers", detail)
        if self._pending + n_geometries > limit:
            detail = f"{self._pending} molecules are being worked on; try again later."
            raise ProblemError("limit", "busy", detail, status=429, headers=RETRY_AFTER)

    def _count(self, n: int) -> None:
        self._pending += n
        self._metrics.pending.set(self._pending)
        if self._pending == 0:
            self._idle.set()
        else:
            self._idle.clear()

    async def _run(self) -> None:
        try:
            relaxers = await asyncio.to_thread(self._load)
        except Exception:
            logger.exception("the models could not be loaded, %r first", self._settings.model)
            self.state = State.FAILED
            return
        finally:
            self._loaded.set()
        self._pipeline = Pipeline(
            self._settings, self._metrics, relaxers, self._pool, self._read, self._fallback
        )
        if self.state is State.LOADING:
            self.state = State.READY
        await self._pipeline.run()

    def _load(self) -> list[Relaxer]:
        if self._settings.threads is not None:
            torch.set_num_threads(self._settings.threads)
        self._pool.start()
        return load_relaxers(self._settings, self._load_relaxer)
