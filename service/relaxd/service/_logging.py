"""The log of `relaxd serve` and of workers: text for people, or a JSON object a line.

Nothing here happens on import. Whoever uses relaxd as a library has a log of their own.
"""

import logging.config
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["text", "json"]

LogLevel = Literal["critical", "error", "warning", "info", "debug", "trace"]

CONTEXT = ("request_id", "job_id", "task")
"""What a line says of its cause, where that is known."""

TRACE = 5
"""Number of uvicorn's level `trace`."""

FORMAT_VARIABLE, LEVEL_VARIABLE = "RELAXD_LOG_FORMAT", "RELAXD_LOG_LEVEL"
"""Tell the workers that a server starts how to log."""

_context: ContextVar[dict[str, str]] = ContextVar("relaxd_log_context")


@contextmanager
def logged_as(**context: str) -> Iterator[None]:
    """Add to each line that is logged within the block what it is about, by names of `CONTEXT`."""
    token = _context.set(_context.get({}) | context)
    try:
        yield
    finally:
        _context.reset(token)


def set_up_logging(log_format: LogFormat, log_level: LogLevel) -> None:
    """Send every line of this process to stderr, in one form.

    Libraries keep their levels and handlers, except for uvicorn, whose lines become ours.

    Args:
        log_format: of the lines.
        log_level: of relaxd's lines and uvicorn's.
    """
    level = TRACE if log_level == "trace" else log_level.upper()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": _TextFormatter if log_format == "text" else _json}},
            "filters": {"context": {"()": _ContextFilter}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "stream": sys.stderr,
                    "formatter": "line",
                    "filters": ["context"],
                }
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                name: {"level": level, "propagate": True} for name in ("relaxd", "uvicorn")
            },
        }
    )


def worker_environment(log_format: LogFormat, log_level: LogLevel) -> dict[str, str]:
    """Return the variables by which `dask_setup` logs as the server does."""
    return {FORMAT_VARIABLE: log_format, LEVEL_VARIABLE: log_level}


def dask_setup(_: object) -> None:
    """Set up the log of a worker; Dask calls it where this module is preloaded."""
    set_up_logging(os.environ[FORMAT_VARIABLE], os.environ[LEVEL_VARIABLE])  # type: ignore[arg-type]


class _ContextFilter(logging.Filter):
    """Gives each record the context; what it was logged with goes first."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _context.get({}).items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class _TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z WARNING relaxd.service.jobs: text [job_id=...]`."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        known = [f"{name}={vars(record)[name]}" for name in CONTEXT if name in vars(record)]
        return super().formatMessage(record) + (f" [{' '.join(known)}]" if known else "")


def _json() -> JsonFormatter:
    """Return what writes time, level, logger, message, context and whatever else is logged."""
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        # Uvicorn repeats its message with the colours of terminals.
        reserved_attrs=[*RESERVED_ATTRS, "color_message"],
    )
