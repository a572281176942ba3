"""The synchronous and the asynchronous client."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx
import tenacity
from pydantic import BaseModel

from relaxd.client._calls import READY_PATH, Call, models_call, relax_calls
from relaxd.client._errors import TransportError
from relaxd.client._inputs import MoleculeLike
from relaxd.client._retry import RetryPolicy
from relaxd.client.schemas import ModelInfo, Result

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `relaxd serve` listens when it is not told otherwise."""

DEFAULT_TIMEOUT = httpx.Timeout(600.0, connect=10.0)
"""A full batch of molecules beyond the model's domain takes minutes. Unit: s."""

DEFAULT_RETRY = RetryPolicy()

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Client:
    """A connection to a relaxd server; use it as a context manager, or close it.

    Args:
        base_url: where the server is; the variable `RELAXD_URL`, or this machine, if not given.
        api_key: sent as a bearer token.
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
        options = _options(base_url, api_key, timeout)
        self._http = httpx.Client(transport=transport, **options)
        self._retrying = tenacity.Retrying(**retry.options())

    def relax(self, molecules: Sequence[MoleculeLike], *, model: str | None = None) -> list[Result]:
        """Relax molecules, in as many calls as it takes.

        Args:
            molecules: SMILES, `schemas.Molecule` or their JSON, earlier results, `ase.Atoms`, or
                RDKit molecules; what is three-dimensional is used as given.
            model: name of the model; the server's default if not given.

        Returns:
            One result per molecule, in their order. A molecule that failed has the status
            `error`; `Result.raise_for_status` turns that into an exception.

        Raises:
            TypeError: not a sequence of molecules.
            RelaxdError: a whole call failed.
        """
        answers = [self._send(call) for call in relax_calls(molecules, model)]
        return [result for answer in answers for result in answer.results]

    def models(self) -> list[ModelInfo]:
        """Return the models that the server offers.

        Raises:
            RelaxdError: the call failed.
        """
        return self._send(models_call()).models

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

    def _send(self, call: Call[AnswerT]) -> AnswerT:
        answer: AnswerT = self._retrying.copy()(self._send_once, call)
        return answer

    def _send_once(self, call: Call[AnswerT]) -> AnswerT:
        with _transport_errors():
            response = self._http.send(call.request(self._http))
        return call.read(response)


class AsyncClient:
    """The same as `Client`, for asyncio.

    Args:
        base_url: where the server is; the variable `RELAXD_URL`, or this machine, if not given.
        api_key: sent as a bearer token.
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
        options = _options(base_url, api_key, timeout)
        self._http = httpx.AsyncClient(transport=transport, **options)
        self._retrying = tenacity.AsyncRetrying(**retry.options())

    async def relax(
        self, molecules: Sequence[MoleculeLike], *, model: str | None = None
    ) -> list[Result]:
        """Relax molecules; see `Client.relax`."""
        answers = [await self._send(call) for call in relax_calls(molecules, model)]
        return [result for answer in answers for result in answer.results]

    async def models(self) -> list[ModelInfo]:
        """Return the models that the server offers; see `Client.models`."""
        return (await self._send(models_call())).models

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

    async def _send(self, call: Call[AnswerT]) -> AnswerT:
        return await self._retrying.copy()(self._send_once, call)

    async def _send_once(self, call: Call[AnswerT]) -> AnswerT:
        with _transport_errors():
            response = await self._http.send(call.request(self._http))
        return call.read(response)


def _options(
    base_url: str | None, api_key: str | None, timeout: float | httpx.Timeout
) -> dict[str, Any]:
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    url = base_url or os.environ.get("RELAXD_URL") or DEFAULT_URL
    return {"base_url": url, "headers": headers, "timeout": timeout}


@contextmanager
def _transport_errors() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise TransportError(f"no answer from the server: {error}") from error
