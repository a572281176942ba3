"""The store: jobs, molecules, tasks, events, keys, in SQLite or PostgreSQL."""

from relaxd.service.store._database import Database
from relaxd.service.store._jobs import Filters, Jobs
from relaxd.service.store._keys import KeyInfo, Keys, id_in
from relaxd.service.store._migrate import migrate
from relaxd.service.store._queue import MAX_LOSSES, Order, Pulse, Queue, Work
from relaxd.service.store._rows import TaskRef
from relaxd.service.store._totals import STATUSES, JobTotals
from relaxd.service.store._uploads import FullError, IdempotencyError, Slicing, Uploads
from relaxd.service.store._webhooks import Notice, Webhooks

__all__ = [
    "MAX_LOSSES",
    "STATUSES",
    "Database",
    "Filters",
    "FullError",
    "IdempotencyError",
    "JobTotals",
    "Jobs",
    "KeyInfo",
    "Keys",
    "Notice",
    "Order",
    "Pulse",
    "Queue",
    "Slicing",
    "TaskRef",
    "Uploads",
    "Webhooks",
    "Work",
    "id_in",
    "migrate",
]
