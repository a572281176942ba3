"""The asynchronous client."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from os import PathLike
from typing import Literal, Self

import httpx

from relaxd.client._async_job import AsyncJob
from relaxd.client._calls import READY_PATH, models_call, relax_calls
from relaxd.client._connection import AsyncConnection
from relaxd.client._inputs import MoleculeLike
from relaxd.client._job_calls import job_call, job_options, list_call, refine_options, submit_call
from relaxd.client._retry import DEFAULT_RETRY, RetryPolicy
from relaxd.client._settings import DEFAULT_TIMEOUT, http_options
from relaxd.client.schemas import (
    JobKind,
    JobState,
    ModelInfo,
    Priority,
    RefineOptions,
    Result,
    SampleOptions,
    Webhook,
)

DEFAULTS = RefineOptions()
SAMPLE_DEFAULTS = SampleOptions()


class AsyncClient:
    """The same as `Client`, for asyncio.

    Args:
        base_url: where the server is; the variable `RELAXD_URL`, or this machine, if not given.
        api_key: sent as a bearer token; the variable `RELAXD_API_KEY`, or none, if not given.
        timeout: seconds, or an `httpx.Timeout`.
        retry: how a busy or unreachable server is asked again.
        transport: what carries the requests; the network if not given.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retry: RetryPolicy = DEFAULT_RETRY,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = http_options(base_url, api_key, timeout)
        self._http = httpx.AsyncClient(transport=transport, **options)
        self._connection = AsyncConnection(self._http, retry)

    async def relax(
        self,
        molecules: Sequence[MoleculeLike],
        *,
        model: str | None = None,
        trajectory: bool = False,
        conformers: int = 1,
        keep: int = 1,
    ) -> list[Result]:
        """Relax molecules; see `Client.relax`."""
        calls = relax_calls(
            molecules, model=model, trajectory=trajectory, conformers=conformers, keep=keep
        )
        answers = [await self._connection.send(call) for call in calls]
        return [result for answer in answers for result in answer.results]

    async def refine(
        self,
        molecules: Iterable[MoleculeLike] | AsyncIterable[MoleculeLike] | PathLike[str],
        *,
        level: str | None = None,
        solvent: str | None = None,
        start: Literal["relaxd", "given"] = DEFAULTS.start,
        hessian: Literal["gfn2-xtb", "model"] = DEFAULTS.hessian,
        frequencies: bool = DEFAULTS.frequencies,
        max_gradients: int = DEFAULTS.max_gradients,
        device: Literal["auto", "cpu", "gpu"] = DEFAULTS.device,
        model: str | None = None,
        name: str | None = None,
        tags: Iterable[str] = (),
        priority: Priority = "normal",
        webhook: Webhook | None = None,
        deduplicate: bool = False,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit molecules to be refined by DFT; see `Client.refine`."""
        options = refine_options(
            level,
            solvent,
            start=start,
            hessian=hessian,
            frequencies=frequencies,
            max_gradients=max_gradients,
            device=device,
        )
        return await self.submit(
            molecules,
            kind="refine",
            refine=options,
            model=model,
            name=name,
            tags=tags,
            priority=priority,
            webhook=webhook,
            deduplicate=deduplicate,
            idempotency_key=idempotency_key,
        )

    async def sample(
        self,
        molecules: Iterable[MoleculeLike] | AsyncIterable[MoleculeLike] | PathLike[str],
        *,
        temperature: float = SAMPLE_DEFAULTS.temperature,
        n_samples: int = SAMPLE_DEFAULTS.n_samples,
        reweight: bool = SAMPLE_DEFAULTS.reweight,
        seed: int = SAMPLE_DEFAULTS.seed,
        model: str | None = None,
        name: str | None = None,
        tags: Iterable[str] = (),
        priority: Priority = "normal",
        webhook: Webhook | None = None,
        deduplicate: bool = False,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit molecules to have their conformations sampled; see `Client.sample`."""
        options = SampleOptions(
            temperature=temperature, n_samples=n_samples, reweight=reweight, seed=seed
        )
        return await self.submit(
            molecules,
            kind="sample",
            sample=options,
            model=model,
            name=name,
            tags=tags,
            priority=priority,
            webhook=webhook,
            deduplicate=deduplicate,
            idempotency_key=idempotency_key,
        )

    async def submit(
        self,
        molecules: Iterable[MoleculeLike] | AsyncIterable[MoleculeLike] | PathLike[str],
        *,
        kind: JobKind = "relax",
        refine: RefineOptions | None = None,
        sample: SampleOptions | None = None,
        model: str | None = None,
        trajectory: bool = False,
        conformers: int = 1,
        keep: int = 1,
        name: str | None = None,
        tags: Iterable[str] = (),
        priority: Priority = "normal",
        webhook: Webhook | None = None,
        deduplicate: bool = False,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit molecules as a job; see `Client.submit`.

        The molecules may come asynchronously.
        """
        options = job_options(
            kind=kind,
            refine=refine,
            sample=sample,
            model=model,
            trajectory=trajectory,
            conformers=conformers,
            keep=keep,
            name=name,
            tags=tags,
            priority=priority,
            webhook=webhook,
            deduplicate=deduplicate,
        )
        call = submit_call(molecules, options, idempotency_key)
        return AsyncJob(self._connection, await self._connection.send(call))

    async def job(self, id: str) -> AsyncJob:
        """Return an earlier job; see `Client.job`."""
        return AsyncJob(self._connection, await self._connection.send(job_call(id)))

    async def jobs(
        self,
        *,
        state: JobState | None = None,
        kind: JobKind | None = None,
        tag: str | None = None,
    ) -> AsyncIterator[AsyncJob]:
        """Yield earlier jobs, latest first; see `Client.jobs`."""
        cursor: str | None = None
        while True:
            page = await self._connection.send(list_call(state, kind, tag, cursor))
            for info in page.jobs:
                yield AsyncJob(self._connection, info)
            if page.next is None:
                return
            cursor = page.next

    async def models(self) -> list[ModelInfo]:
        """Return the models that the server offers; see `Client.models`."""
        return (await self._connection.send(models_call())).models

    async def ready(self) -> bool:
        """Tell whether the server is reached and can relax; see `Client.ready`."""
        try:
            return (await self._http.get(READY_PATH)).is_success
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
