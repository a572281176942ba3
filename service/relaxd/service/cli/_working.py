"""The work of `relaxd worker`: a process that Dask sends tasks to, kept alive."""

import asyncio
import logging
import signal
from contextlib import suppress

import dask
from distributed import Nanny
from distributed.security import Security

from relaxd.service._dask import DASK_SETTINGS, GivesBack
from relaxd.service._logging import LogFormat, LogLevel, worker_environment

logger = logging.getLogger("distributed.nanny")

RECONNECT_SECONDS = 2.0
"""After so long a scheduler that is away is tried again. Unit: s."""

END_SECONDS = 30.0
"""For so long a worker may stop its work and give it back, before it is killed. Unit: s."""


class Lending:
    """A worker process, with one that watches over it: this one.

    Args:
        scheduler: its address.
        resource: what the worker offers.
        security: how to speak to the scheduler.
        log_format: of the lines of the log.
        log_level: of relaxd's own.
    """

    def __init__(
        self,
        scheduler: str,
        resource: str,
        security: Security,
        log_format: LogFormat,
        log_level: LogLevel,
    ) -> None:
        self._scheduler = scheduler
        self._resource = resource
        self._security = security
        self._environment = worker_environment(log_format, log_level)
        self._nanny: Nanny | None = None

    async def run(self) -> None:
        """Work until SIGINT or SIGTERM."""
        asked = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        with dask.config.set(DASK_SETTINGS):
            working = asyncio.create_task(self._work())
            await asked.wait()
            if self._nanny is not None:
                await self._nanny.close(timeout=END_SECONDS, reason="relaxd-worker-asked-to-end")
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def _work(self) -> None:
        """Have a worker at the scheduler; where that ends, another one as soon as it is back."""
        while True:
            try:
                self._nanny = Nanny(
                    self._scheduler,
                    nthreads=1,
                    resources={self._resource: 1},
                    security=self._security,
                    # What DFT may hold is a setting of the server; Dask does not see it.
                    memory_limit=0,
                    dashboard=False,
                    plugins=(GivesBack(),),
                    preload=["relaxd.service._logging"],
                    env=self._environment,
                )
                await self._nanny
                await self._nanny.finished()
            except (OSError, RuntimeError) as error:
                logger.warning("no worker at %s: %s", self._scheduler, error)
            await asyncio.sleep(RECONNECT_SECONDS)
