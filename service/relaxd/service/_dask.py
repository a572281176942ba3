"""What the server and the workers of a cluster have to agree on about Dask."""

import asyncio
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin
from distributed.security import Security

from relaxd.service._scheduler import is_encrypted

DASK_SETTINGS = {
    # A task whose worker dies is ours to send again: only the table knows how often it failed.
    "distributed.scheduler.allowed-failures": 0,
    # A worker has children: one for the chemistry, one for each DFT.
    "distributed.worker.daemon": False,
    # A worker is busy for minutes without being ill.
    "distributed.admin.tick.limit": "30s",
    # The profiler can lock Python up for good (CPython issue 106883).
    "distributed.worker.profile.enabled": False,
    # Nothing is to be read over HTTP.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""Settings that the scheduler and the workers need."""


def security_of(
    address: str, ca_file: Path | None, cert: Path | None, key: Path | None
) -> Security:
    """Return how to speak to a scheduler; what is not given is as in Dask's own configuration.

    Args:
        address: of the scheduler.
        ca_file: certificates of those who sign, PEM.
        cert: our own, PEM.
        key: its private key, PEM.
    """
    own = {f"tls_{who}_{what}" for who in ("client", "worker") for what in ("cert", "key")}
    files = {"tls_ca_file": ca_file} | {
        name: cert if name.endswith("_cert") else key for name in own
    }
    given = {name: str(path) for name, path in files.items() if path is not None}
    return Security(require_encryption=is_encrypted(address), **given)


class GivesBack(WorkerPlugin):  # type: ignore[misc]
    """Gives back what a worker has not done when it ends in peace."""

    async def teardown(self, worker: Any) -> None:
        """Let its tasks wait again; their work is stopped."""
        # Only those who have had a task have loaded all of this.
        from relaxd.service.jobs import give_back

        await asyncio.to_thread(give_back)
