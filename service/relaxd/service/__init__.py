"""The service: the HTTP API, and what it computes with.

Names are imported when they are asked for: the command line answers `--help`, and says what is
missing from a light installation, without waiting for torch.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relaxd.service._app import create_app, serve
    from relaxd.service._settings import Settings

__all__ = ["Settings", "create_app", "serve"]

_HOMES = {"Settings": "_settings", "create_app": "_app", "serve": "_app"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
