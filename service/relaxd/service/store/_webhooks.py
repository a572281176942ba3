"""Webhooks that are to be told of the end of a job."""

from dataclasses import dataclass

from sqlalchemy import select, update

from relaxd.service.store._database import Database, durable
from relaxd.service.store._tables import JobRow


@dataclass(frozen=True)
class Notice:
    """One webhook to tell.

    Attributes:
        job_id: of the job that has ended.
        owner: of the job.
        url: whom to tell.
        secret: what to sign with.
        tries: how often it was tried before.
    """

    job_id: str
    owner: str
    url: str
    secret: str | None
    tries: int


class Webhooks:
    """Hands out notices, each to one caller at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @durable
    def take(self, n: int, seconds: float) -> list[Notice]:
        """Return up to so many notices that are due; nobody else gets them for some seconds."""
        now = self._database.now()
        with self._database.write() as connection:
            rows = connection.execute(
                select(JobRow.__table__)
                .where(JobRow.webhook_at <= now)
                .order_by(JobRow.webhook_at)
                .limit(n)
                .with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                connection.execute(
                    update(JobRow)
                    .where(JobRow.id == row.id)
                    .values(webhook_at=now + seconds, webhook_tries=row.webhook_tries + 1)
                )
        return [
            Notice(row.id, row.owner, webhook["url"], webhook["secret"], row.webhook_tries)
            for row in rows
            for webhook in [row.options["webhook"]]
        ]

    @durable
    def settle(self, job_id: str, *, again_in: float | None) -> None:
        """Say what came of a notice.

        Args:
            job_id: of the job.
            again_in: when to try again, s; None if it is told, or given up.
        """
        at = None if again_in is None else self._database.now() + again_in
        with self._database.write() as connection:
            connection.execute(update(JobRow).where(JobRow.id == job_id).values(webhook_at=at))
