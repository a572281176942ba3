"""The tables, which are the truth about every job. Times are seconds since the epoch."""

import zlib
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a migration can change it."""


class Compressed(TypeDecorator[str]):
    """Text, compressed: a result of twenty atoms takes a fifth of its length."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return what the database keeps."""
        return None if value is None else zlib.compress(value.encode(), 6)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Return what was given."""
        return None if value is None else zlib.decompress(value).decode()


class Base(DeclarativeBase):
    """Root of the tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012 - as SQLAlchemy reads it


class JobRow(Base):
    """One job. While it is received its state is `uploading`, and nobody sees it."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        Index(None, "owner", "digest"),
        Index(None, "state"),
        Index(None, "expires_at"),
        Index(None, "webhook_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    """Id of the API key; empty where none is needed."""
    kind: Mapped[str]
    state: Mapped[str]
    priority: Mapped[int]
    options: Mapped[dict[str, Any]]
    """`JobOptions`, as JSON."""
    digest: Mapped[str] = mapped_column(default="")
    """SHA-256 of options and molecules."""
    idempotency_key: Mapped[str | None]
    touched_at: Mapped[float]
    """When the last piece of it was received."""
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    expires_at: Mapped[float | None]
    cancel: Mapped[bool] = mapped_column(default=False)
    """Whether it is asked to stop."""
    n_items: Mapped[int] = mapped_column(default=0)
    n_ok: Mapped[int] = mapped_column(default=0)
    n_error: Mapped[int] = mapped_column(default=0)
    n_cancelled: Mapped[int] = mapped_column(default=0)
    last_event: Mapped[int] = mapped_column(default=0)
    cpu_seconds: Mapped[float] = mapped_column(default=0.0)
    gpu_seconds: Mapped[float] = mapped_column(default=0.0)
    webhook_at: Mapped[float | None]
    """When to tell the webhook next; null if there is nothing to tell."""
    webhook_tries: Mapped[int] = mapped_column(default=0)


class TagRow(Base):
    """One tag of one job."""

    __tablename__ = "job_tags"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True, index=True)


class ItemRow(Base):
    """One molecule of a job, and what came of it."""

    __tablename__ = "items"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    molecule: Mapped[str] = mapped_column(Compressed)
    """As JSON; a string is a SMILES."""
    status: Mapped[str | None]
    """`ok`, `error` or `cancelled`; null while it is not done."""
    result: Mapped[str | None] = mapped_column(Compressed)
    """`JobResult`, as JSON; null where it was cancelled, too."""


class TaskRow(Base):
    """Successive molecules of a job that one worker takes together."""

    __tablename__ = "tasks"
    __table_args__ = (Index(None, "state", "resource", "priority", "due", "job_id", "start"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stop: Mapped[int]
    state: Mapped[str]
    """`queued`, `sent` to the workers, `running` on one, or `done`."""
    resource: Mapped[str]
    priority: Mapped[int]
    """The smallest comes first."""
    due: Mapped[float]
    """Tasks of equal priority are taken by this time, at which it would begin if it were alone."""
    attempt: Mapped[int] = mapped_column(default=0)
    """How often it was sent; only the last attempt may write."""
    losses: Mapped[int] = mapped_column(default=0)
    """How often its worker was lost."""
    worker: Mapped[str | None]
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    """Grows while its worker lives."""


class EventRow(Base):
    """One event of a job."""

    __tablename__ = "events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]


class KeyRow(Base):
    """One API key, of which only the hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    hash: Mapped[str]
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]
    requests_per_minute: Mapped[int | None]
    molecules_per_day: Mapped[int | None]


class QuotaRow(Base):
    """How many molecules a key has sent on a day."""

    __tablename__ = "quotas"

    key_id: Mapped[str] = mapped_column(
        ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[str] = mapped_column(primary_key=True)
    """Of UTC, as 2026-01-31."""
    molecules: Mapped[int] = mapped_column(default=0)
