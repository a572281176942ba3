"""Where a webhook may lead: to public addresses only, unless the operator allows others.

A name is judged by the addresses it has when the webhook is told, and the connection goes to one
of exactly these: between a check and a second lookup, its owner could point it elsewhere.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from relaxd.service._problems import ProblemError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, for a connection to a port of it."""

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The IPv6 addresses that are given to anyone; translated and site-local ones are not of it."""

HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f:.]+", re.ASCII)
"""A name, in ASCII, or an address."""

PORTS = range(1, 2**16)
"""What can be connected to."""

SCHEMES = {"http": 80, "https": 443}
"""Schemes of URLs, and the ports that they have if no other is said."""

PRIVATE_SUFFIXES = (".localhost", ".local", ".internal")
"""Names that mean another machine on every network, or this one."""

LOOKUPS = 8
"""How many names are looked up at once."""


class AddressError(Exception):
    """A webhook leads to an address that is not public."""


class SystemResolver:
    """Asks the system, in threads of its own: other work does not wait for slow name servers."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, "relaxd-names")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, the best first.

        Raises:
            OSError: there are none.
        """
        lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


def check_url(url: str, *, allow_private: bool) -> None:
    """Return if a webhook may have this URL, as far as can be told without a lookup.

    Raises:
        ProblemError: it is not a URL that can be told, or obviously leads to a private address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise invalid_webhook(f"The URL of the webhook cannot be read: {error}.") from error
    if parsed.scheme not in SCHEMES or not HOST.fullmatch(host_of(parsed)):
        raise invalid_webhook("The URL of a webhook is http://HOST/... or https://HOST/...")
    if _port(parsed) not in PORTS:
        raise invalid_webhook(f"There is no port {parsed.port}.")
    if parsed.userinfo:
        raise invalid_webhook("The URL of a webhook holds no user name or password.")
    if not allow_private and _is_private_name(host_of(parsed)):
        detail = f"{parsed.host} is not a public address, and this server sends to no others."
        raise invalid_webhook(detail)


def invalid_webhook(detail: str) -> ProblemError:
    """Return the problem of a webhook that is not accepted."""
    return ProblemError("input", "invalid-webhook", detail)


def host_of(url: httpx.URL) -> str:
    """Return the host of a URL, in ASCII and without the dot that may end it."""
    return url.raw_host.decode("ascii").rstrip(".")


async def addresses_of(url: httpx.URL, resolver: Resolver, *, allow_private: bool) -> Sequence[str]:
    """Return the addresses of a URL's host.

    Raises:
        AddressError: one of them is not public, and none such is allowed.
        OSError: there are none.
    """
    host = host_of(url)
    addresses = await resolver(host, _port(url))
    private = [address for address in addresses if not is_public(address)]
    if private and not allow_private:
        raise AddressError(f"{host} is at {private[0]}, which is not a public address")
    return addresses


def is_public(address: str) -> bool:
    """Tell whether an address is one that anyone on the internet may have."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None:
            return ip.is_global and ip in GLOBAL_UNICAST
        ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _port(url: httpx.URL) -> int:
    return SCHEMES[url.scheme] if url.port is None else url.port


def _is_private_name(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        pass
    try:  # 2130706433 and 127.1 are addresses too
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return "." not in host or host.endswith(PRIVATE_SUFFIXES)
