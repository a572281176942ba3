"""The events of a job, read from one stream after another."""

from typing import get_args

from pydantic_core import from_json

from relaxd.client._errors import TransportError
from relaxd.client._sse import EventParser, ServerSentEvent
from relaxd.client.schemas import FINAL_STATES, Counts, JobEvent, JobInfo

KNOWN_EVENTS = frozenset(get_args(JobEvent.model_fields["event"].annotation))
"""Events of other types, as a later server may send them, are passed over."""


class EventReader:
    """Turns what the server streams into events, each once however often the stream breaks.

    Attributes:
        last: number of the last event, after which the next stream is to begin; None before.
    """

    def __init__(self, after: int | None = None) -> None:
        self.last = after
        self._has_ended = False
        self._parser = EventParser()

    def has_ended(self) -> bool:
        """Tell whether an event has told a final state, after which none follow."""
        return self._has_ended

    def begin_stream(self) -> None:
        """Forget what the last stream broke off in."""
        self._parser = EventParser()

    def read(self, portion: bytes) -> list[JobEvent]:
        """Return the events that are complete with the next portion of a stream.

        Raises:
            TransportError: this is not what relaxd streams.
        """
        events = [_event(sent) for sent in self._parser.feed(portion)]
        return [event for event in events if event is not None and self._is_next(event)]

    def _is_next(self, event: JobEvent) -> bool:
        if self.last is not None and event.id <= self.last:
            return False
        self.last = event.id
        self._has_ended = event.event == "state" and event.data.get("state") in FINAL_STATES
        return True


def advanced(info: JobInfo, event: JobEvent) -> JobInfo:
    """Return what is known of a job after an event; one from its past changes nothing.

    That it has ended is left to be asked for, with all that is known then.
    """
    if event.event == "progress":
        counts = Counts.model_validate(event.data)
        return info.model_copy(update={"counts": max(info.counts, counts, key=_n_done)})
    if info.state == "queued" and event.data.get("state") == "running":
        return info.model_copy(update={"state": "running"})
    return info


def _n_done(counts: Counts) -> int:
    return counts.done


def _event(sent: ServerSentEvent) -> JobEvent | None:
    if sent.event not in KNOWN_EVENTS:
        return None
    try:
        data = from_json(sent.data)
        if sent.event == "progress":
            Counts.model_validate(data)
        return JobEvent.model_validate({"id": sent.id, "event": sent.event, "data": data})
    except ValueError as error:
        raise TransportError("the events of the job are not such as relaxd sends") from error
