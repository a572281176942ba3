"""A job on the server, as a handle."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from os import PathLike
from typing import TypeVar

from relaxd.client._calls import Call
from relaxd.client._connection import Connection
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


class Job(Handle):
    """A job on the server; `Client.submit`, `refine`, `sample`, `job` and `jobs` return it.

    What waits goes on waiting while the server restarts: as long as its timeout allows or, where
    it has none, until the server has been away for ten minutes.

    Every method raises `RelaxdError` where the server refuses or is not reached.
    """

    def __init__(self, connection: Connection, info: JobInfo) -> None:
        super().__init__(info)
        self._connection = connection

    def refresh(self) -> JobInfo:
        """Ask how the job stands, and return it."""
        self._info = self._connection.send(job_call(self.id))
        return self._info

    def done(self) -> bool:
        """Tell whether the job has ended; asks the server unless that is known."""
        if not self._has_ended():
            self.refresh()
        return self._has_ended()

    def wait(self, timeout: float | None = None, progress: bool = False) -> JobInfo:
        """Wait for the end of the job, and return how it ended.

        Args:
            timeout: for how many seconds; no limit if not given.
            progress: whether to show a bar; needs tqdm.

        Raises:
            TimeoutError: the job has not ended in time; it goes on.
            ModuleNotFoundError: a bar is asked for, and tqdm is not installed.
        """
        waiting = self._connection.waiting(self.id, timeout)
        with showing(self._info, progress) as show:
            for info in self._follow(waiting):
                show(info)
        return self._info

    def result(self, timeout: float | None = None) -> list[JobResult]:
        """Wait for the end of the job, and return one result per molecule, in their order.

        A molecule that failed, or was not done because the job was cancelled, has the status
        `error`; `Result.raise_for_status` turns that into an exception.

        Args:
            timeout: for how many seconds; no limit if not given.

        Raises:
            TimeoutError: the results are not there in time; the job goes on.
        """
        waiting = self._connection.waiting(self.id, timeout)
        for _ in self._follow(waiting):
            pass
        return list(self._results(None, waiting))

    def results(self, status: ResultStatus | None = None) -> Iterator[JobResult]:
        """Yield the results in the order of the molecules, each as soon as it is its turn.

        Few are held at a time. While the job runs this waits for the next one.

        Args:
            status: `ok` or `error` for only these; all if not given.
        """
        return self._results(status, self._connection.waiting(self.id, None))

    def events(self, after: int | None = None) -> Iterator[JobEvent]:
        """Yield what happens in the job, from its beginning, until it has ended.

        A stream that breaks is taken up again where it broke.

        Args:
            after: number of the last event that is not wanted any more.
        """
        reader = EventReader(after)
        waiting = self._connection.waiting(self.id, None)
        while not reader.has_ended():
            was_final = self._has_ended()
            try:
                with closing(self._stream(reader, waiting.silence)) as portions:
                    for events in portions:
                        waiting.note_portion(events)
                        yield from events
            except RelaxdError as error:
                self._connection.sleep(waiting.pause_after(error))
                continue
            if was_final and not reader.has_ended():
                return  # what is wanted begins after the last event
            self._look(waiting)
            if not self._has_ended():
                self._connection.sleep(waiting.pause())

    def cancel(self) -> JobInfo:
        """Cancel the job, and return how it stands; what is done is kept.

        A job that has ended stays as it is.
        """
        self._info = self._connection.send(cancel_call(self.id))
        return self._info

    def delete(self) -> None:
        """Delete the job with its results.

        Raises:
            InputError: the job has not ended; cancel it first.
        """
        self._connection.send(delete_call(self.id))

    def save(self, path: str | PathLike[str], status: ResultStatus | None = "ok") -> int:
        """Write the results to a file, and return how many molecules it holds.

        Waits for the end of the job. The file is there under its name only once it is whole. Of a
        molecule that was sampled, SDF and XYZ hold every geometry.

        Args:
            path: named `.sdf`, `.xyz` or `.extxyz` (both extended XYZ), `.json` (one list) or
                `.jsonl` (one result on each line).
            status: which results, `None` for all. Only JSON can hold those that failed; SDF holds
                those whose bonds are known.

        Raises:
            ValueError: the file is named otherwise, or cannot hold what is asked for.
            OSError: it cannot be written.
        """
        waiting = self._connection.waiting(self.id, None)
        with SavedFile(path, status) as file:
            for page in self._pages(file.page_call, waiting):
                file.write(page)
        return file.count

    def _follow(self, waiting: Waiting) -> Iterator[JobInfo]:
        """Yield how the job stands until it has ended."""
        reader = EventReader()
        while not self._has_ended():
            yield self._look(waiting)
            if self._has_ended():
                return
            if not reader.has_ended():
                yield from self._listen(reader, waiting)
                if reader.has_ended():
                    continue
            self._connection.sleep(waiting.pause())

    def _listen(self, reader: EventReader, waiting: Waiting) -> Iterator[JobInfo]:
        """Yield how the job stands as one stream tells it, if there is one."""
        silence = waiting.silence
        if not silence:
            return
        try:
            with closing(self._stream(reader, silence)) as portions:
                for events in portions:
                    waiting.note_portion(events)
                    yield self._info
                    if waiting.left < silence:
                        return
        except RelaxdError as error:
            waiting.stream_broke(error, silence)

    def _stream(self, reader: EventReader, silence: float) -> Generator[list[JobEvent], None, None]:
        """Yield the events of one stream, for each portion of it; most portions have few."""
        reader.begin_stream()
        call = events_call(self.id, reader.last)
        with closing(self._connection.stream(call, silence)) as portions:
            for portion in portions:
                events = reader.read(portion)
                for event in events:
                    self._info = advanced(self._info, event)
                yield events
                if reader.has_ended():
                    return

    def _results(self, status: ResultStatus | None, waiting: Waiting) -> Iterator[JobResult]:
        # While a job runs, the server's own filter would pass over what is not done yet.
        asked = status if self._has_ended() else None
        for page in self._pages(partial(results_call, status=asked), waiting):
            for result in page.results:
                if status in (None, result.status):
                    yield result

    def _pages(
        self, page_call: Callable[[str, str | None], Call[PageT]], waiting: Waiting
    ) -> Iterator[PageT]:
        cursor: str | None = None
        while True:
            was_final = self._has_ended()
            page = self._call(page_call(self.id, cursor), waiting)
            yield page
            if page.next is None:
                return
            if page.next != cursor:
                cursor = page.next
                waiting.job_moved()
                continue
            if was_final:
                raise incomplete_results(self.id)
            self._connection.sleep(waiting.pause())
            self._look(waiting)

    def _look(self, waiting: Waiting) -> JobInfo:
        self._info = self._call(job_call(self.id), waiting)
        return self._info

    def _call(self, call: Call[AnswerT], waiting: Waiting) -> AnswerT:
        """Return the answer of a server that may be away for a while."""
        while True:
            try:
                answer = self._connection.send_once(call, waiting.call_timeout)
            except RelaxdError as error:
                self._connection.sleep(waiting.pause_after(error))
            else:
                waiting.server_is_there()
                return answer
