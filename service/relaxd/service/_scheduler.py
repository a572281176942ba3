"""Where a Dask scheduler of the operator's own is, and whether it is safe to go there."""

from urllib.parse import urlsplit

from relaxd.service._loopback import is_loopback

ENCRYPTED = frozenset({"tls", "wss"})
"""Protocols of Dask over which only those who have a certificate can speak."""


class UnsafeSchedulerError(ValueError):
    """Whoever is on the way to the scheduler could run code on its workers."""


def is_encrypted(address: str) -> bool:
    """Tell whether an address of Dask is one of TLS."""
    return _parts(address)[0] in ENCRYPTED


def is_on_this_machine(address: str) -> bool:
    """Tell whether only this machine can reach an address of Dask."""
    return is_loopback(_parts(address)[1])


def check_scheduler(address: str, *, insecure: bool) -> None:
    """Check that nobody else can speak to a scheduler: what Dask sends are pickles, which run code.

    Args:
        address: such as `tls://scheduler:8786`; `tcp` where it names no protocol.
        insecure: whether the operator says that something else guards it.

    Raises:
        UnsafeSchedulerError: it is on another machine, and without TLS.
    """
    if not (insecure or is_encrypted(address) or is_on_this_machine(address)):
        raise UnsafeSchedulerError(
            f"the scheduler {address} is on another machine and without TLS: whoever reaches it "
            "could run code; use a tls:// address with certificates, or say --insecure if "
            "something else guards it"
        )


def _parts(address: str) -> tuple[str, str]:
    """Return protocol and host."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    return parts.scheme, parts.hostname or ""
