"""The format of server-sent events: bytes in, in any portions, events out."""

import re
from dataclasses import dataclass

LINE_END = re.compile(rb"\r\n|\n|\r")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ServerSentEvent:
    """One event of a stream.

    Attributes:
        id: the last identifier that the stream gave, on this event or before; empty if none.
        event: the type.
        data: the lines of its data, joined by newlines.
    """

    id: str
    event: str
    data: str


class EventParser:
    """Parses one stream, as the WHATWG's HTML standard (section 9.2.6) has it.

    Comments, unknown fields, and the reconnection time, for which the client has a policy of its
    own, are passed over; so is an event that the stream breaks off in.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_return = False
        self._is_first_line = True
        self._id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, portion: bytes) -> list[ServerSentEvent]:
        """Return the events that are complete with the next portion of the stream."""
        found = (self._line(line) for line in self._lines(portion))
        return [event for event in found if event is not None]

    def _lines(self, portion: bytes) -> list[bytes]:
        # A carriage return ends its line at once; a newline that only then arrives belongs to it.
        if self._after_return and portion:
            portion = portion.removeprefix(b"\n")
            self._after_return = False
        if not portion:
            return []
        self._after_return = portion.endswith(b"\r")
        *lines, rest = LINE_END.split(portion)
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        return lines

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        name, _, value = line.decode("utf-8", errors="replace").partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._id, self._event or "message", "\n".join(self._data))
        has_data = bool(self._data)
        self._event = ""
        self._data = []
        return event if has_data else None
