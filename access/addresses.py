"""Where a request comes from."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that the connection came from; behind one of TRUSTED_PROXIES, the one that the proxy names.

    callcenter.asgi puts it there. So clients cannot choose the address under which wrong passwords are counted.
    """
    return str(request.META.get("REMOTE_ADDR") or "")


def client_network(request: HttpRequest) -> str:
    """The address, or the /64 network of an IPv6 address: one customer has all of its addresses."""
    address = client_address(request)
    try:
        known = ip_address(address)
    except ValueError:  # no address, such as a socket in the file system
        return address
    if not isinstance(known, IPv6Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ip_network((int(known), 64), strict=False).network_address)
