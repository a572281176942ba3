"""Packages that the client can use and does not need."""

import importlib
from typing import Any


def require(module: str) -> Any:
    """Return a module of a package that may not be installed.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        message = f"this needs the package {package!r}: pip install {package}"
        raise ModuleNotFoundError(message, name=package) from error
