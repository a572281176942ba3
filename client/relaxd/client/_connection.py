"""How calls reach the server: once, again where that helps, or as a stream."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import tenacity

from relaxd.client._calls import Call, foreign_answer
from relaxd.client._errors import TransportError
from relaxd.client._retry import RetryPolicy
from relaxd.client._waiting import Waiting

EVENT_STREAM = "text/event-stream"

AnswerT = TypeVar("AnswerT")


class Connection:
    """Sends calls.

    Args:
        http: what carries them.
        retry: how a busy or unreachable server is asked again.
        clock: the time now, in seconds, from any beginning.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        http: httpx.Client,
        retry: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._retry = retry
        self._clock = clock
        self.sleep = sleep

    def waiting(self, job_id: str, timeout: float | None) -> Waiting:
        """Return the time of a wait that begins now."""
        return Waiting(job_id, timeout, retry=self._retry, clock=self._clock)

    def send(self, call: Call[AnswerT]) -> AnswerT:
        """Return the answer, asking again as the policy has it.

        Raises:
            RelaxdError: the last error.
        """
        options = self._retry.options(lambda: call.repeatable)
        answer: AnswerT = tenacity.Retrying(sleep=self.sleep, **options)(self.send_once, call)
        return answer

    def send_once(self, call: Call[AnswerT], timeout: float | None = None) -> AnswerT:
        """Return the answer.

        Raises:
            RelaxdError: there is none, or it is a refusal.
        """
        with _transport_errors(call):
            response = self._http.send(call.request(self._http, timeout))
        return call.read(response)

    def stream(self, call: Call[None], silence: float) -> Generator[bytes, None, None]:
        """Yield the portions of a stream of events as they arrive.

        Args:
            call: what answers with the stream.
            silence: after so many seconds without a portion the stream has broken.

        Raises:
            RelaxdError: there is no stream, or it breaks.
        """
        with _transport_errors(call):
            response = self._http.send(call.request(self._http, silence), stream=True)
            try:
                if not is_event_stream(response):
                    response.read()
                    call.read(response)
                    raise foreign_answer(response)
                yield from response.iter_bytes()
            finally:
                response.close()


class AsyncConnection:
    """The same as `Connection`, for asyncio.

    Args:
        http: what carries the calls.
        retry: how a busy or unreachable server is asked again.
        clock: the time now, in seconds, from any beginning.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        retry: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._retry = retry
        self._clock = clock
        self.sleep = sleep

    def waiting(self, job_id: str, timeout: float | None) -> Waiting:
        """Return the time of a wait that begins now."""
        return Waiting(job_id, timeout, retry=self._retry, clock=self._clock)

    async def send(self, call: Call[AnswerT]) -> AnswerT:
        """Return the answer; see `Connection.send`."""
        options = self._retry.options(lambda: call.repeatable)
        return await tenacity.AsyncRetrying(sleep=self.sleep, **options)(self.send_once, call)

    async def send_once(self, call: Call[AnswerT], timeout: float | None = None) -> AnswerT:
        """Return the answer; see `Connection.send_once`."""
        with _transport_errors(call):
            response = await self._http.send(call.request(self._http, timeout))
        return call.read(response)

    async def stream(self, call: Call[None], silence: float) -> AsyncGenerator[bytes, None]:
        """Yield the portions of a stream; see `Connection.stream`."""
        with _transport_errors(call):
            response = await self._http.send(call.request(self._http, silence), stream=True)
            try:
                if not is_event_stream(response):
                    await response.aread()
                    call.read(response)
                    raise foreign_answer(response)
                async for portion in response.aiter_bytes():
                    yield portion
            finally:
                await response.aclose()


def is_event_stream(response: httpx.Response) -> bool:
    """Tell whether an answer is a stream of events."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.is_success and media_type == EVENT_STREAM


@contextmanager
def _transport_errors(call: Call[Any]) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        # A timeout has no words of its own.
        message = f"no answer from the server: {error or type(error).__name__}"
        if not call.repeatable:
            message += "; not sent again, for the iterator of molecules is partly used up"
        raise TransportError(message) from error
