"""API keys: who may call, how often, and how much in a day."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from relaxd.service.store._database import Database, durable
from relaxd.service.store._rows import new_id
from relaxd.service.store._tables import KeyRow, QuotaRow

TOKEN = re.compile(r"rlx_([0-9a-f]{24})_[0-9a-f]{64}")
"""The id of the key, and 256 random bits."""

ABSENT = "0" * 64
"""Stands for the hash of a key that does not exist: no token is known that has it."""


@dataclass(frozen=True)
class KeyInfo:
    """What is known of a key; times in seconds since the epoch.

    Attributes:
        id: what its jobs belong to.
        name: whose it is, for people.
        created_at: when it was made.
        revoked_at: since when it is refused; None while it is active.
        requests_per_minute: how many it may make; None does not bound them.
        molecules_per_day: how many it may send on a day of UTC; None does not bound them.
    """

    id: str
    name: str
    created_at: float
    revoked_at: float | None
    requests_per_minute: int | None
    molecules_per_day: int | None


class Keys:
    """Makes, finds and revokes keys, and counts what they use.

    A token is `rlx_<id>_<secret>`. Only its SHA-256 is kept: slow hashes are for what people make
    up, and nobody guesses 256 random bits.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        requests_per_minute: int | None = None,
        molecules_per_day: int | None = None,
    ) -> tuple[KeyInfo, str]:
        """Make a key, and return it with its token, which cannot be had again."""
        now = self._database.now()
        info = KeyInfo(new_id(now), name, now, None, requests_per_minute, molecules_per_day)
        token = f"rlx_{info.id}_{secrets.token_hex(32)}"
        self._create(info, token)
        return info, token

    @durable
    def _create(self, info: KeyInfo, token: str) -> None:
        with self._database.write() as connection:
            if connection.execute(select(KeyRow.id).where(KeyRow.id == info.id)).first():
                return
            connection.execute(insert(KeyRow).values(hash=_hash(token), **vars(info)))

    @durable
    def all(self) -> list[KeyInfo]:
        """Return the keys in the order in which they were made, those revoked included."""
        with self._database.read() as connection:
            rows = connection.execute(select(KeyRow.__table__).order_by(KeyRow.id)).all()
        return [_info(row) for row in rows]

    @durable
    def revoke(self, key_id: str) -> bool:
        """Refuse a key from now on, and tell whether it exists."""
        # One that was revoked before keeps its time.
        at = func.coalesce(KeyRow.revoked_at, self._database.now())
        changed = update(KeyRow).where(KeyRow.id == key_id).values(revoked_at=at)
        with self._database.write() as connection:
            return connection.execute(changed.returning(KeyRow.id)).first() is not None

    @durable
    def find(self, token: str) -> KeyInfo | None:
        """Return the active key of a token.

        How long this takes does not tell whether there is a key of that id.
        """
        key_id = id_in(token)
        if key_id is None:
            return None
        with self._database.read() as connection:
            row = connection.execute(
                select(KeyRow.__table__).where(KeyRow.id == key_id, KeyRow.revoked_at.is_(None))
            ).first()
        is_right = hmac.compare_digest(_hash(token), ABSENT if row is None else row.hash)
        return _info(row) if is_right and row is not None else None

    @durable
    def any_active(self) -> bool:
        """Tell whether there is a key that is not revoked."""
        with self._database.read() as connection:
            query = select(KeyRow.id).where(KeyRow.revoked_at.is_(None)).limit(1)
            return connection.execute(query).first() is not None

    @durable
    def spend(self, key_id: str, n: int, limit: int) -> float | None:
        """Count molecules of today, all of them or none.

        Where the answer of the database is lost they may count twice: less is allowed, not more.

        Args:
            key_id: of the key.
            n: how many.
            limit: how many a day may have.

        Returns:
            None if they are counted; otherwise the seconds until tomorrow, in UTC.
        """
        now = self._today()
        if n > limit or not self._count(key_id, str(now.date()), n, limit):
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            return (midnight - now).total_seconds()
        return None

    def _count(self, key_id: str, day: str, n: int, limit: int) -> bool:
        dialect = sqlite if self._database.is_sqlite else postgresql
        first = dialect.insert(QuotaRow).values(key_id=key_id, day=day, molecules=n)
        total = QuotaRow.molecules + first.excluded.molecules
        # One statement: of two at once, the second sees what the first has counted.
        counted = first.on_conflict_do_update(
            index_elements=[QuotaRow.key_id, QuotaRow.day],
            set_={"molecules": total},
            where=total <= limit,
        ).returning(QuotaRow.molecules)
        with self._database.write() as connection:
            return connection.execute(counted).first() is not None

    def give_back(self, key_id: str, n: int) -> None:
        """Count molecules of today no longer, because they were not accepted after all.

        Not tried again where the database fails: to give back twice would allow too much.
        """
        where = (QuotaRow.key_id == key_id, QuotaRow.day == str(self._today().date()))
        with self._database.write() as connection:
            connection.execute(
                update(QuotaRow)
                .where(*where, QuotaRow.molecules >= n)
                .values(molecules=QuotaRow.molecules - n)
            )

    def _today(self) -> datetime:
        return datetime.fromtimestamp(self._database.now(), UTC)


def id_in(token: str) -> str | None:
    """Return the id that a token claims to be of, None if it is not a token at all."""
    parts = TOKEN.fullmatch(token)
    return None if parts is None else parts[1]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _info(row: Any) -> KeyInfo:
    return KeyInfo(
        row.id,
        row.name,
        row.created_at,
        row.revoked_at,
        row.requests_per_minute,
        row.molecules_per_day,
    )
