"""Who a visitor is, and how many requests each has left: so many a minute, saved up to a minute's worth.

In: an address and the header that proxies write. Out: nothing, or `TooMany` with the seconds to wait. Thread-safe;
keeps addresses in memory alone, and no longer than they matter.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Callable

from gptjt_demo.errors import TooMany

MOST = 10_000  # visitors that are remembered at once
_NO_TIME = 1e-6  # seconds that a sum may be wrong by


def visitor(peer: str, forwarded: str = "") -> str:
    """What tells a visitor from others: an address, of IPv6 the network that one household has.

    Args:
        peer: the address that the connection comes from.
        forwarded: the `X-Forwarded-For` header. It counts only where the peer is in a private network, as a proxy is;
            then the last public address, which the nearest proxy wrote: what stands before it anybody can make up.
    """
    addresses = [_address(peer)]
    if addresses[0] is None or not addresses[0].is_global:
        addresses = [*(_address(text) for text in forwarded.split(",")[::-1]), *addresses]
    known = [address for address in addresses if address is not None]
    found = next((address for address in known if address.is_global), known[0] if known else None)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found) if found is not None else "unknown"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None


class Visitors:
    """What is left to each.

    Args:
        per_minute: requests; None: as many as one likes.
        clock: seconds; another one for tests.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}  # when all of a minute's are left again; who came last stands last

    def __len__(self) -> int:
        """Visitors that are remembered."""
        with self._lock:
            return len(self._due)

    def admit(self, visitor: str) -> None:
        """Count a request.

        Raises:
            TooMany: the visitor has none left now.
        """
        if self._per_minute is None:
            return
        apart = 60 / self._per_minute
        with self._lock:
            now = self._clock()
            due = max(now, self._due.pop(visitor, now))
            wait = due - now - (60 - apart)
            self._due[visitor] = due if wait > _NO_TIME else due + apart
            while len(self._due) > MOST:
                del self._due[next(iter(self._due))]
        if wait > _NO_TIME:
            seconds = math.ceil(wait - _NO_TIME)
            requests = "1 request" if self._per_minute == 1 else f"{self._per_minute:,} requests"
            raise TooMany(
                f"more than {requests} a minute, the limit here",
                mend=f"try again in {seconds} s",
                seconds=seconds,
            )
