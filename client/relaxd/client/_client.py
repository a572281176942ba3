"""The synchronous client."""

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Literal, Self

import httpx

from relaxd.client._calls import READY_PATH, models_call, relax_calls
from relaxd.client._connection import Connection
from relaxd.client._inputs import MoleculeLike
from relaxd.client._job import Job
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


class Client:
    """A connection to a relaxd server; use it as a context manager, or close it.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = http_options(base_url, api_key, timeout)
        self._http = httpx.Client(transport=transport, **options)
        self._connection = Connection(self._http, retry)

    def relax(
        self,
        molecules: Sequence[MoleculeLike],
        *,
        model: str | None = None,
        trajectory: bool = False,
        conformers: int = 1,
        keep: int = 1,
    ) -> list[Result]:
        """Relax molecules, in as many calls as it takes.

        Args:
            molecules: SMILES, `schemas.Molecule` or their JSON, earlier results, `ase.Atoms`, or
                RDKit molecules; what is three-dimensional is used as given.
            model: name of the model; the server's default if not given.
            trajectory: whether the results hold the positions after each step, too.
            conformers: geometries of each molecule to embed and relax, its own included; the
                lowest conformer found is the result.
            keep: lowest conformers to be told of as `Result.conformers`, where more than one is
                looked for.

        Returns:
            One result per molecule, in their order. A molecule that failed has the status
            `error`; `Result.raise_for_status` turns that into an exception.

        Raises:
            TypeError: not a sequence of molecules.
            RelaxdError: a whole call failed.
        """
        calls = relax_calls(
            molecules, model=model, trajectory=trajectory, conformers=conformers, keep=keep
        )
        answers = [self._connection.send(call) for call in calls]
        return [result for answer in answers for result in answer.results]

    def refine(
        self,
        molecules: Iterable[MoleculeLike] | PathLike[str],
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
    ) -> Job:
        """Submit molecules to be refined by DFT, and return at once.

        Args:
            molecules: as for `submit`; results of `relax` keep their geometry.
            level: of theory, a name such as `fast`, or functional[-dispersion]/basis; the
                server's if not given.
            solvent: implicit solvent; the gas phase if not given.
            start: where DFT starts, where the model relaxes to or in the geometry as given.
            hessian: where the optimiser knows curvature from.
            frequencies: whether to check that the minimum is one.
            max_gradients: after so many a molecule is given up.
            device: where DFT is computed.
            model: as for `submit`, like all that follow.
            name: for people.
            tags: to find the job by.
            priority: which jobs come first.
            webhook: whom to tell.
            deduplicate: whether an earlier job will do.
            idempotency_key: which submissions are one.

        Raises:
            TypeError: the molecules are none, or a single one.
            ValueError: an option is not one that the server takes.
            RelaxdError: the job was not accepted.
        """
        options = refine_options(
            level,
            solvent,
            start=start,
            hessian=hessian,
            frequencies=frequencies,
            max_gradients=max_gradients,
            device=device,
        )
        return self.submit(
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

    def sample(
        self,
        molecules: Iterable[MoleculeLike] | PathLike[str],
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
    ) -> Job:
        """Submit molecules to have their conformations sampled at a temperature; return at once.

        Args:
            molecules: as for `submit`.
            temperature: K.
            n_samples: geometries to draw of each molecule.
            reweight: whether to weigh them by their GFN2-xTB energies; if not, all weights are
                equal.
            seed: of all random numbers, for each molecule anew.
            model: as for `submit`, like all that follow.
            name: for people.
            tags: to find the job by.
            priority: which jobs come first.
            webhook: whom to tell.
            deduplicate: whether an earlier job will do.
            idempotency_key: which submissions are one.

        Raises:
            TypeError: the molecules are none, or a single one.
            ValueError: an option is not one that the server takes.
            RelaxdError: the job was not accepted.
        """
        options = SampleOptions(
            temperature=temperature, n_samples=n_samples, reweight=reweight, seed=seed
        )
        return self.submit(
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

    def submit(
        self,
        molecules: Iterable[MoleculeLike] | PathLike[str],
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
    ) -> Job:
        """Submit molecules as a job of any size, and return at once.

        Args:
            molecules: any iterable of what `relax` takes, a generator of millions included, for
                it is sent as it goes; or the path of a `.smi`, `.sdf`, `.xyz` or `.extxyz` file.
            kind: what to do with them.
            refine: how DFT refines, for the kind `refine`.
            sample: how to sample, for the kind `sample`.
            model: name of the model; the server's default if not given.
            trajectory: whether the results hold the positions after each step, too; only for the
                kind `relax`.
            conformers: as for `relax`; only for the kind `relax`.
            keep: as for `relax`; only for the kind `relax`.
            name: for people.
            tags: words to find the job by.
            priority: jobs of higher priority are worked on first.
            webhook: whom to tell when the job ends; not with a file.
            deduplicate: whether an earlier job of yours that asks for the same, and has not
                failed, may be returned instead.
            idempotency_key: submissions with the same key are one job; if not given, each call
                has its own, so that asking again after a broken connection makes no second job.

        Raises:
            TypeError: the molecules are none, or a single one.
            ValueError: an option is not one that the server takes, a file is of another kind, or
                it comes with a webhook.
            OSError: there is no such file.
            TransportError: the server was not reached. An iterator that is partly used up by then
                cannot be sent again; a list or a file is.
            RelaxdError: the job was not accepted.
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
        return Job(self._connection, self._connection.send(call))

    def job(self, id: str) -> Job:
        """Return an earlier job.

        Raises:
            InputError: there is none of this id, or it belongs to another key.
        """
        return Job(self._connection, self._connection.send(job_call(id)))

    def jobs(
        self,
        *,
        state: JobState | None = None,
        kind: JobKind | None = None,
        tag: str | None = None,
    ) -> Iterator[Job]:
        """Yield earlier jobs, latest first.

        Args:
            state: only jobs that stand there.
            kind: only jobs of this kind.
            tag: only jobs with this tag.
        """
        cursor: str | None = None
        while True:
            page = self._connection.send(list_call(state, kind, tag, cursor))
            for info in page.jobs:
                yield Job(self._connection, info)
            if page.next is None:
                return
            cursor = page.next

    def models(self) -> list[ModelInfo]:
        """Return the models that the server offers.

        Raises:
            RelaxdError: the call failed.
        """
        return self._connection.send(models_call()).models

    def ready(self) -> bool:
        """Tell whether the server is reached and can relax; never waits for it."""
        try:
            return self._http.get(READY_PATH).is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
