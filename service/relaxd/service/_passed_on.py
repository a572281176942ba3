"""A call that a Dask scheduler passes on to a worker without reading it."""

import pickle
from collections.abc import Callable
from typing import Any


def sealed(function: Callable[..., Any], *arguments: Any) -> bytes:
    """Return a call as bytes.

    A scheduler reads the functions and arguments that it is given, and would import, with those of
    the jobs, torch and all of the chemistry.
    """
    return pickle.dumps((function, arguments))


def run_sealed(call: bytes) -> Any:
    """Do a call that comes from our own server, and return what it returns."""
    function, arguments = pickle.loads(call)  # noqa: S301 - as Dask would
    return function(*arguments)
