"""A job on the server, as a handle for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from os import PathLike
from typing import TypeVar

from relaxd.client._calls import Call
from relaxd.client._connection import AsyncConnection
from relaxd.client._errors import RelaxdError
from relaxd.client._events import EventReader, advanced
from relaxd.client._handle import Handle
from relaxd.client._job_calls import (
    FilePage,
    ResultStatus,
    cancel_call,
    delete_call,
    events_call,
    incomplete_results,
    job_call,
    results_call,
)
from relaxd.client._progress import showing
from relaxd.client._saving import SavedFile
from relaxd.client._waiting import Waiting
from relaxd.client.schemas import JobEvent, JobInfo, JobResult, ResultPage

AnswerT = TypeVar("AnswerT")
PageT = TypeVar("PageT", bound=ResultPage | FilePage)


class AsyncJob(Handle):
    """The same as `Job`, for asyncio; the methods of `AsyncClient` return it."""

    def __init__(self, connection: AsyncConnection, info: JobInfo) -> None:
        super().__init__(info)
        self._connection = connection

    async def refresh(self) -> JobInfo:
        """Ask how the job stands, and return it; see `Job.refresh`."""
        self._info = await self._connection.send(job_call(self.id))
        return self._info

    async def done(self) -> bool:
        """Tell whether the job has ended; see `Job.done`."""
        if not self._has_ended():
            await self.refresh()
        return self._has_ended()

    async def wait(self, timeout: float | None = None, progress: bool = False) -> JobInfo:
        """Wait for the end of the job, and return how it ended; see `Job.wait`."""
        waiting = self._connection.waiting(self.id, timeout)
        with showing(self._info, progress) as show:
            async for info in self._follow(waiting):
                show(info)
        return self._info

    async def result(self, timeout: float | None = None) -> list[JobResult]:
        """Wait for the end of the job, and return its results; see `Job.result`."""
        waiting = self._connection.waiting(self.id, timeout)
        async for _ in self._follow(waiting):
            pass
        return [result async for result in self._results(None, waiting)]

    def results(self, status: ResultStatus | None = None) -> AsyncIterator[JobResult]:
        """Yield the results in order, as they are done; see `Job.results`."""
        return self._results(status, self._connection.waiting(self.id, None))

    async def events(self, after: int | None = None) -> AsyncIterator[JobEvent]:
        """Yield what happens in the job until it has ended; see `Job.events`."""
        reader = EventReader(after)
        waiting = self._connection.waiting(self.id, None)
        while not reader.has_ended():
            was_final = self._has_ended()
            try:
                async with aclosing(self._stream(reader, waiting.silence)) as portions:
                    async for events in portions:
                        waiting.note_portion(events)
                        for event in events:
                            yield event
            except RelaxdError as error:
                await self._connection.sleep(waiting.pause_after(error))
                continue
            if was_final and not reader.has_ended():
                return  # what is wanted begins after the last event
            await self._look(waiting)
            if not self._has_ended():
                await self._connection.sleep(waiting.pause())

    async def cancel(self) -> JobInfo:
        """Cancel the job, and return how it stands; see `Job.cancel`."""
        self._info = await self._connection.send(cancel_call(self.id))
        return self._info

    async def delete(self) -> None:
        """Delete the job with its results; see `Job.delete`."""
        await self._connection.send(delete_call(self.id))

    async def save(self, path: str | PathLike[str], status: ResultStatus | None = "ok") -> int:
        """Write the results to a file, and return how many; see `Job.save`."""
        waiting = self._connection.waiting(self.id, None)
        with SavedFile(path, status) as file:
            async for page in self._pages(file.page_call, waiting):
                await asyncio.to_thread(file.write, page)
        return file.count

    async def _follow(self, waiting: Waiting) -> AsyncIterator[JobInfo]:
        """Yield how the job stands until it has ended."""
        reader = EventReader()
        while not self._has_ended():
            yield await self._look(waiting)
            if self._has_ended():
                return
            if not reader.has_ended():
                async for info in self._listen(reader, waiting):
                    yield info
                if reader.has_ended():
                    continue
            await self._connection.sleep(waiting.pause())

    async def _listen(self, reader: EventReader, waiting: Waiting) -> AsyncIterator[JobInfo]:
        """Yield how the job stands as one stream tells it, if there is one."""
        silence = waiting.silence
        if not silence:
            return
        try:
            async with aclosing(self._stream(reader, silence)) as portions:
                async for events in portions:
                    waiting.note_portion(events)
                    yield self._info
                    if waiting.left < silence:
                        return
        except RelaxdError as error:
            waiting.stream_broke(error, silence)

    async def _stream(
        self, reader: EventReader, silence: float
    ) -> AsyncGenerator[list[JobEvent], None]:
        """Yield the events of one stream, for each portion of it; most portions have few."""
        reader.begin_stream()
        call = events_call(self.id, reader.last)
        async with aclosing(self._connection.stream(call, silence)) as portions:
            async for portion in portions:
                events = reader.read(portion)
                for event in events:
                    self._info = advanced(self._info, event)
                yield events
                if reader.has_ended():
                    return

    async def _results(
        self, status: ResultStatus | None, waiting: Waiting
    ) -> AsyncIterator[JobResult]:
        # While a job runs, the server's own filter would pass over what is not done yet.
        asked = status if self._has_ended() else None
        async for page in self._pages(partial(results_call, status=asked), waiting):
            for result in page.results:
                if status in (None, result.status):
                    yield result

    async def _pages(
        self, page_call: Callable[[str, str | None], Call[PageT]], waiting: Waiting
    ) -> AsyncIterator[PageT]:
        cursor: str | None = None
        while True:
            was_final = self._has_ended()
            page = await self._call(page_call(self.id, cursor), waiting)
            yield page
            if page.next is None:
                return
            if page.next != cursor:
                cursor = page.next
                waiting.job_moved()
                continue
            if was_final:
                raise incomplete_results(self.id)
            await self._connection.sleep(waiting.pause())
            await self._look(waiting)

    async def _look(self, waiting: Waiting) -> JobInfo:
        self._info = await self._call(job_call(self.id), waiting)
        return self._info

    async def _call(self, call: Call[AnswerT], waiting: Waiting) -> AnswerT:
        """Return the answer of a server that may be away for a while."""
        while True:
            try:
                answer = await self._connection.send_once(call, waiting.call_timeout)
            except RelaxdError as error:
                await self._connection.sleep(waiting.pause_after(error))
            else:
                waiting.server_is_there()
                return answer
