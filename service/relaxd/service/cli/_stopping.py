"""What Ctrl-C and SIGTERM do to work that goes on later, or elsewhere."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What asks a command to end."""

BY_SIGNAL = 128
"""Added to the number of the signal that ended a command, it is the exit status, as in shells."""


class Stopped(BaseException):
    """A signal asked for the end; not an error, so that nobody takes it for one.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ending_on_signals(end: Callable[[int], str]) -> Iterator[None]:
    """Raise `Stopped` inside when a signal comes; outside of it, say so and exit.

    Args:
        end: called with the number of the signal; returns what there is to say.

    Raises:
        typer.Exit: with 130 for Ctrl-C, 143 for SIGTERM.
    """
    previous = {number: signal.signal(number, _stop) for number in SIGNALS}
    try:
        yield
    except Stopped as stopped:
        typer.echo(f"relaxd: {end(stopped.number)}", err=True)
        raise typer.Exit(BY_SIGNAL + stopped.number) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    # The end itself must not be cut short: it ends processes and removes files.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)
