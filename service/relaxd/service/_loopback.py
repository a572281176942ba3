"""Which hosts are this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host, given by name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
