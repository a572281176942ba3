"""Who may call: API keys, rates and quotas."""

from relaxd.service.access._access import (
    Access,
    AccessDep,
    Caller,
    CallerDep,
    ExposedError,
    caller,
    check_exposed,
)
from relaxd.service.access._guard import OPEN_FOLDER, Guard

__all__ = [
    "OPEN_FOLDER",
    "Access",
    "AccessDep",
    "Caller",
    "CallerDep",
    "ExposedError",
    "Guard",
    "caller",
    "check_exposed",
]
