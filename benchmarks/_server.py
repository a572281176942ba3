"""The server that a benchmark has started."""

import psutil


def server() -> psutil.Process:
    """The process of the service that this one runs."""
    return next(child for child in psutil.Process().children() if "serve" in child.cmdline())
