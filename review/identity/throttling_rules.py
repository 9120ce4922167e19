"""How failures slow the next attempt down, and what they are counted under; pure."""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

FIRST_DELAY = timedelta(seconds=1)
UNKNOWN_NETWORK = "unknown"


class Limit(msgspec.Struct, frozen=True):
    """How many failures in a row cost nothing, the longest delay, and after how long without one they are forgotten."""

    free: int
    longest: timedelta
    memory: timedelta


# An account from one network: a guesser there gets about a hundred tries a day. A network: an office behind one
# address mistypes more often than one person. A device: whoever sits at it has been let in before. A code has a
# million values, so codes are counted for the account wherever they come from, and only behind its password.
ACCOUNT_FROM_NETWORK = Limit(5, timedelta(minutes=15), timedelta(hours=24))
NETWORK = Limit(30, timedelta(minutes=5), timedelta(hours=1))
DEVICE = Limit(10, timedelta(minutes=5), timedelta(hours=24))
CODES = Limit(5, timedelta(minutes=15), timedelta(hours=24))
LETTERS_ASKED = Limit(10, timedelta(minutes=15), timedelta(hours=24))
LETTERS_SENT = Limit(2, timedelta(hours=1), timedelta(hours=24))
LONGEST_MEMORY = max(each.memory for each in (ACCOUNT_FROM_NETWORK, NETWORK, DEVICE, CODES, LETTERS_ASKED))


class Bucket(msgspec.Struct, frozen=True):
    """What failures are counted under; `is_shared` with others, so that one success does not forget their failures."""

    key: bytes
    limit: Limit
    is_shared: bool = False


class Counter(msgspec.Struct, frozen=True):
    """Failures under one key as they stand."""

    failures: int
    last_at: datetime
    blocked_until: datetime | None


def delay_after(failures: int, limit: Limit) -> timedelta:
    """Give how long the next attempt has to wait: nothing at first, then twice as long each time, up to the longest."""
    beyond = failures - limit.free
    if beyond <= 0:
        return timedelta()
    return min(limit.longest, FIRST_DELAY * (1 << min(beyond - 1, 30)))


def wait_left(counters: list[Counter], now: datetime) -> timedelta:
    """Give how long an attempt that falls under all of these has to wait from now; nothing if it may go ahead."""
    ends = [each.blocked_until for each in counters if each.blocked_until is not None]
    return max([timedelta(), *(end - now for end in ends)])


def counted(counter: Counter | None, limit: Limit, now: datetime) -> int:
    """Give the failures in a row with one more now; old ones are forgotten."""
    if counter is None or now - counter.last_at > limit.memory:
        return 1
    return counter.failures + 1


def is_worth_telling(failures: int) -> bool:
    """Tell whether the audit hears of this failure in a row: of the 1st, 2nd, 4th, 8th and so on."""
    return failures > 0 and failures & (failures - 1) == 0


def network_of(origin: str) -> str:
    """Give the network an address is in: its /24, or its /56 for IPv6, which is what one customer is given."""
    try:
        address = ip_address(origin.partition("%")[0])
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return f"{IPv4Address(int(address) >> 8 << 8)}/24"
    return f"{IPv6Address(int(address) >> 72 << 72)}/56"


def key_of(*parts: str) -> bytes:
    """Give the key of a counter: a hash, so that no e-mail or address stands in it."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
