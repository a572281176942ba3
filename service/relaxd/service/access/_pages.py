"""What keeps web pages out of a service that needs no key: the browser runs on its machine, too."""

from urllib.parse import urlsplit

from relaxd.service._loopback import is_loopback
from relaxd.service._problems import ProblemError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing; what they answer is hidden from pages of other origins."""

OTHER_SITES = frozenset({"cross-site", "same-site"})
"""What a browser says of requests that pages of another origin make. A site has many origins: each
port of this machine is one."""


def check_host(host: str) -> None:
    """Return if a request was meant for this machine.

    A page whose name is made to resolve to a loopback address (DNS rebinding) is of the same
    origin as the service, but sends its own name.

    Args:
        host: the header of this name.

    Raises:
        ProblemError: it is no name or address of this machine.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback(name):
        detail = "Without keys, the header Host must be localhost or a loopback address."
        raise ProblemError("input", "invalid-host", detail, status=400)


def check_site(method: str, site: str) -> None:
    """Return if no page of another origin makes a request that changes something.

    Args:
        method: of the request.
        site: the header `Sec-Fetch-Site`, which no page can set; empty outside browsers.

    Raises:
        ProblemError: such a page makes it.
    """
    if method not in SAFE_METHODS and site in OTHER_SITES:
        detail = "Without keys, pages of other origins may not make such calls."
        raise ProblemError("input", "cross-site", detail, status=400)
