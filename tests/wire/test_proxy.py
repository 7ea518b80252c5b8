"""The PROXY header: versions 1 and 2, row S61 of the bad inputs octet for octet."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, ProtocolError
from mailward.wire.proxy import (
    SIGNATURE,
    V1_LIMIT,
    V2_LIMIT,
    Endpoint,
    ProxyHeader,
    begins_proxy_header,
    crc32c,
    read_proxy_header,
    write_proxy_header,
)
from tests.support.proxy_header import checksummed, v1, v2, value

Ip = IPv4Address | IPv6Address
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n"
LONGEST = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"
FOUR = bytes((192, 0, 2, 7, 198, 51, 100, 1)) + (56324).to_bytes(2, "big") + (25).to_bytes(2, "big")


def test_version_1() -> None:
    """Addresses and ports are taken, and what follows is left alone."""
    header = read_proxy_header(V1 + b"EHLO x\r\n")

    assert header == ProxyHeader(Endpoint("192.0.2.7", 56324), Endpoint("198.51.100.1", 25), len(V1))


def test_version_1_with_ipv6() -> None:
    """A v4-mapped address is taken as said; who asks for a canonical source normalises it."""
    header = read_proxy_header(b"PROXY TCP6 ::ffff:192.0.2.7 2001:DB8::1 0 65535\r\n")

    assert header is not None
    assert header.client == Endpoint("::ffff:c000:207", 0)
    assert header.server == Endpoint("2001:db8::1", 65535)


@pytest.mark.parametrize("line", [b"PROXY UNKNOWN\r\n", LONGEST, b"PROXY UNKNOWN \xff\0 x\r\n"])
def test_version_1_unknown(line: bytes) -> None:
    """The proxy does not know its client: whatever else the line says is skipped."""
    assert read_proxy_header(line + b"QUIT\r\n") == ProxyHeader(None, None, len(line))


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25 \r\n",
        b"PROXY TCP4  192.0.2.7 198.51.100.1 56324 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 056 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 25\r\n",
        b"PROXY TCP4 192.0.2.07 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 ::1 ::1 1 25\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n",
        b"PROXY TCP6 ::::: ::1 1 25\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY tcp4 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY UNKNOWN a\rb\r\n",
        b"PROXY TCP4 10.0.0.1\r\n",
        b"PROXY \r\n",
        b"PROXY \n",
        b"proxy TCP4 192.0.2.7 198.51.100.1 1 25\r\n",
        b"EHLO x\r\n",
        b"\n",
        b"PROXY\tTCP4",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_version_1_malformed(line: bytes) -> None:
    """What is not exactly the line of the specification is no header."""
    with pytest.raises(ProtocolError, match="not a PROXY header"):
        read_proxy_header(line)


def test_version_1_without_an_end() -> None:
    """S61: no CRLF in 107 octets; with one octet less it may still come."""
    endless = b"PROXY UNKNOWN " + b"x" * 200

    assert read_proxy_header(endless[: V1_LIMIT - 1]) is None
    for size in (V1_LIMIT, V1_LIMIT + 1, 200):
        with pytest.raises(ProtocolError, match="longer than 107"):
            read_proxy_header(endless[:size])
    with pytest.raises(ProtocolError, match="longer than 107"):
        read_proxy_header(endless[: V1_LIMIT - 1] + b"\r\n")
    assert read_proxy_header(endless[: V1_LIMIT - 2] + b"\r\n") == ProxyHeader(None, None, V1_LIMIT)


def test_version_2() -> None:
    """Both families, with ports and values that mean nothing to us."""
    header = SIGNATURE + b"\x21\x11" + (12).to_bytes(2, "big") + FOUR

    assert read_proxy_header(header + b"QUIT") == ProxyHeader(
        Endpoint("192.0.2.7", 56324), Endpoint("198.51.100.1", 25), 28
    )
    assert read_proxy_header(v2("2001:db8::7", "2001:db8::1", 1, 2, values=value(0x02, b"mx.example.test"))) == (
        ProxyHeader(Endpoint("2001:db8::7", 1), Endpoint("2001:db8::1", 2), 16 + 36 + 18)
    )


@pytest.mark.parametrize(
    "header",
    [
        SIGNATURE + b"\x20\x00\0\0",
        SIGNATURE + b"\x20\x11\0\x0c" + FOUR,
        SIGNATURE + b"\x20\x31\0\x03abc",
        SIGNATURE + b"\x21\x00\0\0",
        SIGNATURE + b"\x21\x00\0\x05\x03\0\x09ab",
    ],
)
def test_version_2_local_and_unspecified(header: bytes) -> None:
    """S61: LOCAL is the proxy itself, and UNSPEC nobody in particular: the real address stays, the rest is skipped."""
    assert read_proxy_header(header + b"QUIT\r\n") == ProxyHeader(None, None, len(header))


@pytest.mark.parametrize(
    "header,told",
    [
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\0", "0x12, not TCP"),
        (SIGNATURE + b"\x21\x22\0\x24", "0x22, not TCP"),
        (SIGNATURE + b"\x21\x31\0\xd8", "0x31, not TCP"),
        (SIGNATURE + b"\x21\x13\0\x0c", "0x13, not TCP"),
        (SIGNATURE + b"\x11\x11\0\x0c", "version and command are 0x11"),
        (SIGNATURE + b"\x22\x11\0\x0c", "version and command are 0x22"),
        (SIGNATURE + b"\x21\x11\xff\xff", "longer than 4096"),
        (SIGNATURE + b"\x20\x00\xff\xff", "longer than 4096"),
        (SIGNATURE + b"\x21\x11\0\x0b" + FOUR[:11], "addresses are cut short"),
        (SIGNATURE + b"\x21\x21\0\x0c" + FOUR, "addresses are cut short"),
        (SIGNATURE + b"\x21\x11\0\x0e" + FOUR + b"\x01\0", "a value in it is cut short"),
        (SIGNATURE + b"\x21\x11\0\x10" + FOUR + b"\x01\0\x02a", "a value in it is cut short"),
        (SIGNATURE[:11] + b"x", "begins with something else"),
    ],
)
def test_version_2_malformed(header: bytes, told: str) -> None:
    """S61: a length, a family or a value that is wrong is found as soon as it can be known."""
    with pytest.raises(ProtocolError, match=told):
        read_proxy_header(header)


def test_version_2_checksum() -> None:
    """S61: a checksum that is there must be right, be one, and have four octets."""
    good = checksummed("192.0.2.7", "198.51.100.1", 1, 2)

    assert read_proxy_header(good) is not None
    for at in (16, 27, len(good) - 4):
        with pytest.raises(ProtocolError):
            read_proxy_header(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
    for values in (value(3, b"abc"), value(3, bytes(4)) * 2):
        with pytest.raises(ProtocolError, match="checksum is wrong"):
            read_proxy_header(v2("192.0.2.7", "198.51.100.1", 1, 2, values=values))


def test_crc32c() -> None:
    """The test vectors of RFC 3720, appendix B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_the_largest_version_2() -> None:
    """A header with exactly the most octets is read."""
    header = v2("192.0.2.7", "198.51.100.1", 1, 2, values=value(4, bytes(V2_LIMIT - 12 - 3)))

    assert read_proxy_header(header) is not None
    with pytest.raises(ProtocolError):
        read_proxy_header(v2("192.0.2.7", "198.51.100.1", 1, 2, values=value(4, bytes(V2_LIMIT - 12 - 2))))


ports = st.integers(0, 65535)
headers = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4), ports, ports),
    st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6), ports, ports),
)


@given(headers, st.sampled_from([v1, v2, checksummed]), st.binary(max_size=40))
def test_what_is_written_is_read_however_it_is_cut(
    said: tuple[Ip, Ip, int, int], write: Callable[[str, str, int, int], bytes], rest: bytes
) -> None:
    """Each beginning of a good header waits for more, the whole of it says what was written, and the rest is left."""
    client, server, port, other = said
    header = write(str(client), str(server), port, other)

    assert all(read_proxy_header(header[:at]) is None for at in range(len(header)))
    found = read_proxy_header(header + rest)
    assert found is not None
    assert found.size == len(header)
    assert found.client is not None
    assert found.client.port == port
    assert type(client)(found.client.address) == client
    assert begins_proxy_header(header)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: SIGNATURE + b"\x21\x11" + tail))
def test_any_octets(data: bytes) -> None:
    """Whatever comes, it is a header, the beginning of one, or a ProtocolError that can be shown."""
    try:
        header = read_proxy_header(data)
    except ProtocolError as error:
        assert str(error).isprintable()
    else:
        assert header is None or 0 < header.size <= len(data)


ips = st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)) | st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
ports = st.integers(0, 65535)


@given(ips, ports, ports, st.sampled_from([1, 2]))
def test_what_is_written_is_what_the_specification_says_and_is_read(
    ends: tuple[Ip, Ip], client_port: int, server_port: int, version: int
) -> None:
    """Octet for octet as a writer that shares no code with ours, and the reader gives it back."""
    client, server = str(ends[0]), str(ends[1])
    header = write_proxy_header(Endpoint(client, client_port), Endpoint(server, server_port), version=version)

    assert header == (v1 if version == 1 else v2)(client, server, client_port, server_port)
    read = read_proxy_header(header + b"EHLO x\r\n")
    assert read == ProxyHeader(Endpoint(client, client_port), Endpoint(server, server_port), len(header))


@pytest.mark.parametrize("version", [1, 2])
def test_a_proxy_that_speaks_for_itself(version: int) -> None:
    """UNKNOWN in version 1, LOCAL in version 2."""
    header = write_proxy_header(None, None, version=version)

    assert read_proxy_header(header) == ProxyHeader(None, None, len(header))


def test_two_families_fit_in_no_header() -> None:
    """They are refused rather than half told."""
    with pytest.raises(InputError, match="one family"):
        write_proxy_header(Endpoint("192.0.2.7", 1), Endpoint("2001:db8::1", 2), version=2)
