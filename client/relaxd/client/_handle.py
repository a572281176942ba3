"""What a handle of a job knows without asking."""

from relaxd.client.schemas import FINAL_STATES, JobInfo


class Handle:
    """A job as last heard of."""

    def __init__(self, info: JobInfo) -> None:
        self._info = info

    @property
    def id(self) -> str:
        """The identifier, by which any client with the same key finds the job again."""
        return self._info.id

    @property
    def info(self) -> JobInfo:
        """What was last heard of the job; nothing is asked."""
        return self._info

    def __repr__(self) -> str:
        info, counts = self._info, self._info.counts
        failed = {"error": counts.error, "cancelled": counts.cancelled}
        parts = [f"{counts.ok} ok", *(f"{n} {name}" for name, n in failed.items() if n)]
        told = f"{info.id} {info.kind} {info.state}: {', '.join(parts)} of {counts.total}"
        return f"<{type(self).__name__} {told}>"

    def _has_ended(self) -> bool:
        return self._info.state in FINAL_STATES
