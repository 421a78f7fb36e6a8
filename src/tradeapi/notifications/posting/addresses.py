"""Which addresses of the internet are on it for everybody."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# `ipaddress` itself has other opinions from one release of Python to the next, so these are
# written down: https://www.iana.org/assignments/iana-ipv4-special-registry and the same of IPv6.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind providers' NAT; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own, though it looks public
        "169.254.0.0/16",  # most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and others
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# What a network without IPv4 makes of an address in it.
_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether it is one of a host on the internet; those that hide another in them are none."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        ip = IPv4Address(int(ip) & _LAST_32_BITS)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    return ip in _UNICAST_6 and not any(ip in network for network in _NOT_PUBLIC_6)


def is_loopback(address: str) -> bool:
    return ip_address(address).is_loopback
