"""From where a request comes: the address that connected or, behind proxies of our own, the one they saw. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.%]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def client_address(peer: str | None, forwarded_for: Sequence[str], proxies: int) -> str | None:
    """The client's address.

    Each proxy appends the address that connected to it, so of X-Forwarded-For only the last `proxies` entries are
    theirs; whatever stands before them, anybody may have written.

    Args:
        peer: the address that connected to us.
        forwarded_for: the values of every X-Forwarded-For header, in their order.
        proxies: how many proxies of our own a request passes; 0 where it comes straight from the client.
    """
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    if proxies < 1 or len(hops) < proxies:
        return peer  # fewer than our proxies write: it came past them
    hop = hops[-proxies]
    match = _WITH_PORT.fullmatch(hop)
    address = (match[1] or match[2]) if match else hop
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return peer
