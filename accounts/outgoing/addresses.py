"""Which addresses may be asked: what a URL says, and what its host's name stands for.

Somebody who may give Berth an address must not reach through it what only Berth can reach: the
machine itself, its network, or the service from which a cloud's machines learn their secrets.

Source: the IANA special-purpose address registries; RFC 6052, 3.1; RFC 3986.
"""

import queue
import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import idna

from accounts.errors import AccountError

MAX_URL_LENGTH: Final = 2000
MOST_ADDRESSES: Final = 16  # of one name
_MAX_HOST_LENGTH: Final = 253

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What answers there speaks no HTTP, and may take a request for commands.
_REFUSED_PORTS: Final = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 42, 43, 53, 69, 79, 110, 111, 113, 119}
    | {123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531}
    | {532, 540, 548, 554, 556, 563, 587, 601, 636, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049}
    | {2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 5060, 5061, 5432, 5672, 5900, 6000, 6379}
    | {6566, 6665, 6666, 6667, 6668, 6669, 6697, 9200, 9300, 10080, 10250, 11211, 27017}
)
_PUBLIC_V6: Final = ip_network("2000::/3")
_SPECIAL: Final = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4, which leads to any address of IPv4
        "3fff::/20",
    )
)
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # how a network without IPv4 writes its addresses


class AddressRefused(AccountError):
    """The address may not be asked, with the reason."""


class NameUnresolved(Exception):
    """The name stands for nothing, or nobody could tell in time. Later it may."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart. ``target`` is its path and query."""

    scheme: str
    host: str  # ASCII, without brackets
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the header ``Host`` says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be asked although it is not public.

    Args:
        networks: of addresses.
        hosts: names, in small letters; one that begins with a dot stands for all below it.
        with_http: whether anything may be asked without encryption.
    """

    networks: tuple[IPNetwork, ...] = ()
    hosts: frozenset[str] = frozenset()
    with_http: bool = True

    @classmethod
    def of(
        cls, entries: Iterable[str], *, hosts: Iterable[str] = (), with_http: bool = True
    ) -> "Permission":
        """``entries`` are networks, addresses and names, as the configuration has them."""
        networks, names = [], {host.lower().rstrip(".") for host in hosts}
        for entry in entries:
            network = network_of(entry)
            if network is None:
                names.add(entry.lower().rstrip("."))
            else:
                networks.append(network)
        return cls(tuple(networks), frozenset(names), with_http)

    def names(self, host: str) -> bool:
        parts = host.lower().split(".")
        above = {"." + ".".join(parts[i:]) for i in range(1, len(parts))}
        return host.lower() in self.hosts or not above.isdisjoint(self.hosts)

    def holds(self, address: IPAddress) -> bool:
        return any(address in network for network in self.networks)


def network_of(entry: str) -> IPNetwork | None:
    """The network that an entry is, unless it is a name."""
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def parse_address(url: str, permission: Permission) -> Address:
    """Take a URL apart, as far as it can be judged without asking for its name.

    Raises ``AddressRefused``.
    """
    if len(url) > MAX_URL_LENGTH:
        raise AddressRefused(f"the address has more than {MAX_URL_LENGTH} characters")
    if "\\" in url or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise AddressRefused("the address has blanks, backslashes or invisible characters in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("the address is no URL") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise AddressRefused("the address must begin with https:// or http://")
    if scheme == "http" and not permission.with_http:
        raise AddressRefused("the address must begin with https://")
    if "@" in parts.netloc:
        raise AddressRefused("the address must not hold a name or a password")
    if "#" in url:
        raise AddressRefused("the address must not hold a fragment (#)")
    host = _host_of(parts)
    address = Address(
        scheme, host, _DEFAULT_PORTS[scheme] if port is None else port, _target_of(parts)
    )
    literal = _literal(host)
    if literal is not None:
        _check(host, literal, permission)
    if address.port in _REFUSED_PORTS and not _is_permitted(host, literal, permission):
        raise AddressRefused(f"port {address.port} is for other protocols than HTTP")
    return address


def resolve(address: Address, permission: Permission, *, seconds: float) -> Sequence[str]:
    """The addresses that the host's name stands for now, each of which may be asked.

    One that is not public is enough to refuse the name: who controls it means no good.

    Raises ``AddressRefused``, and ``NameUnresolved``.
    """
    addresses = list(dict.fromkeys(_looked_up(address.host, address.port, seconds)))
    if not addresses:
        raise NameUnresolved(f"the name {address.host} has no address")
    for text in addresses:
        _check(address.host, ip_address(text.partition("%")[0]), permission)
        if "%" in text and not permission.names(address.host):
            raise AddressRefused(f"{address.host} is an address of one network card alone")
    return addresses[:MOST_ADDRESSES]


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the Internet, and leads nowhere else."""
    address = _unwrapped(address)
    if any(address in network for network in _SPECIAL):
        return False
    if isinstance(address, IPv6Address):
        return address in _PUBLIC_V6
    return address.is_global


def _check(host: str, address: IPAddress, permission: Permission) -> None:
    unwrapped = _unwrapped(address)
    if unwrapped.is_multicast or unwrapped.is_unspecified:
        raise AddressRefused(
            f"{_description(host, address)}, which is the address of no one machine"
        )
    if is_public(address) or _is_permitted(host, address, permission):
        return
    raise AddressRefused(
        f"{_description(host, address)}, which is not a public address; an administrator"
        " can allow it with OUTGOING_ALLOWED_NETWORKS"
    )


def _description(host: str, address: IPAddress) -> str:
    return f"{host} leads to {address}" if host != str(address) else f"it leads to {address}"


def _is_permitted(host: str, address: IPAddress | None, permission: Permission) -> bool:
    if permission.names(host):
        return True
    return address is not None and (
        permission.holds(address) or permission.holds(_unwrapped(address))
    )


def _unwrapped(address: IPAddress) -> IPAddress:
    """The address of IPv4 that an address of IPv6 only is another way to write."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _host_of(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "%" in host:
        raise AddressRefused("the host must not hold a percent sign")
    if parts.netloc.startswith("["):
        try:
            return str(IPv6Address(host))
        except ValueError as error:
            raise AddressRefused("the host is no address of IPv6") from error
    host = host.removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError) as error:
            raise AddressRefused("the host is no name that a machine can have") from error
    labels = host.split(".")
    if not 0 < len(host) <= _MAX_HOST_LENGTH or not all(map(_is_label, labels)):
        raise AddressRefused("the host is no name that a machine can have")
    return host


def _is_label(label: str) -> bool:
    signs = label.replace("-", "").replace("_", "")
    return 0 < len(label) <= 63 and signs.isascii() and signs.isalnum()


def _literal(host: str) -> IPAddress | None:
    """The address that a host is, in any of the ways in which machines read one."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433, 0177.0.0.1
    except OSError:
        return None


def _target_of(parts: SplitResult) -> str:
    unquoted = "%/:?#[]@!$&'()*+,;=-._~"
    path = quote(parts.path or "/", safe=unquoted)
    return f"{path}?{quote(parts.query, safe=unquoted)}" if parts.query else path


def _looked_up(host: str, port: int, seconds: float) -> list[str]:
    """Asks in a thread of its own: the resolver's patience is not ours."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def look() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error)
        else:
            answers.put([str(info[4][0]) for info in infos])

    threading.Thread(target=look, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise NameUnresolved(f"nobody told in time what the name {host} stands for") from None
    if isinstance(answer, Exception):
        raise NameUnresolved(f"the name {host} is not known") from answer
    return answer
