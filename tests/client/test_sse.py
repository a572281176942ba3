"""The parser of server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaxd.client._sse import EventParser, ServerSentEvent

TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)


def parse(*portions: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for portion in portions for event in parser.feed(portion)]


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted(i % (len(stream) + 1) for i in at), len(stream)]
    return [stream[i:j] for i, j in pairwise(bounds)]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_event(end: str) -> None:
    lines = ["id: 7", "event: step", 'data: {"a": 1}', "", ""]
    assert parse(end.join(lines).encode()) == [ServerSentEvent("7", "step", '{"a": 1}')]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        ("data: a\ndata: b\n\n", ["a\nb"]),
        ("data\ndata\n\n", ["\n"]),
        ("data\n\n", [""]),
        ("data:a\n\ndata:  a\n\n", ["a", " a"]),
        (": comment\n\n", []),
        ("event: state\n\ndata: a\n\n", ["a"]),
        ("retry: 5\nnonsense\nnonsense: x\ndata: a: b\n\n", ["a: b"]),
        ("data: unfinished\n", []),
        ("\ufeffdata: a\n\n", ["a"]),
        ("data: a\n\n\ufeffdata: b\n\n", ["a"]),
        ("data: a\u2028b\x85c\n\n", ["a\u2028b\x85c"]),
    ],
)
def test_data(stream: str, data: list[str]) -> None:
    assert [event.data for event in parse(stream.encode())] == data


def test_type_ends_with_its_event_and_id_does_not() -> None:
    stream = b"id: 1\nevent: step\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n"
    assert [(event.id, event.event) for event in parse(stream)] == [
        ("1", "step"),
        ("1", "message"),
        ("1", "message"),
        ("", "message"),
    ]


def test_line_that_is_no_unicode() -> None:
    assert parse(b"data: \xff\n\n") == [ServerSentEvent("", "message", "\ufffd")]


def test_return_ends_a_line_without_waiting_for_more() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\r\n\r") == [ServerSentEvent("", "message", "a")]
    assert parser.feed(b"") == []
    assert parser.feed(b"\ndata: b\r") == []
    assert parser.feed(b"\r") == [ServerSentEvent("", "message", "b")]


@given(st.binary(max_size=60), st.lists(st.integers(0), max_size=8))
def test_portions_do_not_matter_for_any_bytes(stream: bytes, at: list[int]) -> None:
    assert parse(*cut(stream, at)) == parse(stream)


@given(
    st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, min_size=1, max_size=3)), max_size=4),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.lists(st.integers(0, 500), max_size=10),
)
def test_what_is_written_is_read(
    events: list[tuple[str, str, list[str]]], end: str, at: list[int]
) -> None:
    lines: list[str] = []
    for number, (comment, event, data) in enumerate(events):
        lines += [f":{comment}", f"id: {number}", f"event: {event}"]
        lines += [*(f"data: {part}" for part in data), ""]
    stream = "".join(line + end for line in lines).encode()
    assert parse(*cut(stream, at)) == [
        ServerSentEvent(str(number), event or "message", "\n".join(data))
        for number, (_, event, data) in enumerate(events)
    ]
