"""The events of a job, over several streams."""

from typing import Any

import pytest

from relaxd.client import TransportError
from relaxd.client._events import EventReader, advanced
from relaxd.client.schemas import Counts, JobEvent, JobInfo

from .doubles import FakeJob, sse

QUEUED = sse(1, "state", {"state": "queued"})
PROGRESS = sse(2, "progress", {"total": 2, "ok": 1})
ENDED = sse(3, "state", {"state": "failed"})


def test_streams_are_one() -> None:
    reader = EventReader()
    assert [event.id for event in reader.read(QUEUED + PROGRESS[:9])] == [1]
    reader.begin_stream()
    assert (reader.last, reader.has_ended()) == (1, False)
    assert [event.id for event in reader.read(QUEUED + PROGRESS)] == [2]
    assert reader.read(ENDED)[0].data == {"state": "failed"}
    assert reader.has_ended()


def test_events_of_tomorrow_are_passed_over() -> None:
    reader = EventReader(after=0)
    assert [event.id for event in reader.read(sse(1, "mood", "fine") + PROGRESS)] == [2]


@pytest.mark.parametrize(
    "stream",
    [
        b"event: state\ndata: {}\n\n",
        b"id: x\nevent: state\ndata: {}\n\n",
        sse(1, "state", "queued"),
        sse(1, "progress", {"ok": 1}),
        b"id: 1\nevent: step\ndata: {\n\n",
    ],
)
def test_stream_of_another_server_is_an_error(stream: bytes) -> None:
    with pytest.raises(TransportError, match="not such as relaxd sends"):
        EventReader().read(stream)


@pytest.mark.parametrize(
    ("event", "data", "changes"),
    [
        ("state", {"state": "running"}, {"state": "running"}),
        ("state", {"state": "succeeded"}, {}),
        ("progress", {"total": 4, "ok": 2}, {"counts": Counts(total=4, ok=2)}),
        ("progress", {"total": 4}, {}),
        ("step", {"index": 0}, {}),
    ],
)
def test_what_is_known_after_an_event(event: Any, data: Any, changes: Any) -> None:
    info: JobInfo = FakeJob(4).info.model_copy(update={"counts": Counts(total=4, error=1)})
    after = advanced(info, JobEvent(id=1, event=event, data=data))
    assert after == info.model_copy(update=changes)


def test_a_running_job_is_not_queued_again() -> None:
    info = FakeJob(1).info.model_copy(update={"state": "running"})
    assert advanced(info, JobEvent(id=1, event="state", data={"state": "queued"})) == info
