"""The local CA: made once, renewed in time, refused when it does not fit."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mailward.errors import InvalidConfig, StoreError
from mailward.server import local_ca, state_directory

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOST = "mail.example.test"


def snapshot(state: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.lstat().st_mode) for path in sorted(state.rglob("*")) if path.is_file()}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state_directory.prepare(tmp_path / "state")
    return tmp_path / "state"


def test_made_once(state: Path) -> None:
    """The first call makes the CA, the second finds it and changes nothing."""
    first = local_ca.ensure(state, HOST, NOW)
    made = snapshot(state)

    assert local_ca.ensure(state, HOST, NOW) == first
    assert snapshot(state) == made
    assert sorted(path.name for path in state.iterdir()) == ["ca"]


def test_nobody_else_reads_the_keys(state: Path) -> None:
    """Keys are 0600 in a 0700 directory whatever the umask was, and never were anything else."""
    before = os.umask(0)
    try:
        local_ca.ensure(state, HOST, NOW)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state / "ca").iterdir()}
    assert modes == {"ca.key": 0o600, "server.key": 0o600, "ca.pem": 0o600, "server.pem": 0o600}
    assert stat.S_IMODE((state / "ca").stat().st_mode) == 0o700


def test_renewed_in_time(state: Path) -> None:
    """With less than 30 days left the certificate is issued anew by the same CA for the same key."""
    made = local_ca.ensure(state, HOST, NOW)
    ca, leaf, key = made.ca_file.read_bytes(), made.certificate_file.read_bytes(), made.key_file.read_bytes()

    local_ca.ensure(state, HOST, NOW + timedelta(days=360))
    assert made.certificate_file.read_bytes() == leaf

    local_ca.ensure(state, HOST, NOW + timedelta(days=370))
    renewed = x509.load_pem_x509_certificate(made.certificate_file.read_bytes())
    assert renewed.not_valid_after_utc > NOW + timedelta(days=760)
    assert (made.ca_file.read_bytes(), made.key_file.read_bytes()) == (ca, key)
    assert len(list((state / "ca").iterdir())) == 4
    local_ca.server_context(made.certificate_file, made.key_file)


def test_another_hostname(state: Path) -> None:
    """The CA cannot vouch for another name, and says so."""
    local_ca.ensure(state, HOST, NOW)

    with pytest.raises(InvalidConfig, match=r"is for mail.example.test, and the hostname is new.example.test"):
        local_ca.ensure(state, "new.example.test", NOW)


def _swap_leaf(directory: Path, other: Path) -> None:
    (directory / "server.pem").write_bytes((other / "server.pem").read_bytes())
    (directory / "server.key").write_bytes((other / "server.key").read_bytes())


def _link_key(directory: Path, other: Path) -> None:
    (directory / "ca.key").unlink()
    (directory / "ca.key").symlink_to(other / "ca.key")


DAMAGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "ca-of-another": (
        lambda ours, other: (ours / "ca.pem").write_bytes((other / "ca.pem").read_bytes()),
        "ca.key that is not the key",
    ),
    "leaf-of-another": (_swap_leaf, "ca.pem did not issue"),
    "key-of-another": (
        lambda ours, other: (ours / "server.key").write_bytes((other / "server.key").read_bytes()),
        "server.key that is not the key",
    ),
    "key-open": (lambda ours, _: (ours / "ca.key").chmod(0o644), "open to others"),
    "key-gone": (lambda ours, _: (ours / "ca.key").unlink(), "ca.key: No such file"),
    "key-empty": (lambda ours, _: (ours / "ca.key").write_bytes(b""), "damaged"),
    "leaf-junk": (lambda ours, _: (ours / "server.pem").write_bytes(b"\xff\0junk"), "damaged"),
    "key-linked": (
        _link_key,
        "symbolic link",
    ),
    "directory-open": (lambda ours, _: ours.chmod(0o777), "can be written by others"),
}


@pytest.mark.parametrize("damage, told", DAMAGES.values(), ids=DAMAGES)
def test_what_does_not_fit_is_refused(
    state: Path, tmp_path: Path, damage: Callable[[Path, Path], object], told: str
) -> None:
    """A CA that does not match, or that others could read or write, is one clear error; nothing is changed."""
    other = tmp_path / "other"
    state_directory.prepare(other)
    local_ca.ensure(other, HOST, NOW)
    local_ca.ensure(state, HOST, NOW)
    damage(state / "ca", other / "ca")
    before = snapshot(state)

    with pytest.raises(InvalidConfig, match=told) as caught:
        local_ca.ensure(state, HOST, NOW)

    assert caught.value.key == "state"
    assert "PRIVATE" not in str(caught.value)
    assert snapshot(state) == before


def test_an_expired_ca(state: Path) -> None:
    """After ten years there is nothing to renew with, and the error says what to do."""
    local_ca.ensure(state, HOST, NOW)

    with pytest.raises(InvalidConfig, match=r"has expired; .* a new CA is made"):
        local_ca.ensure(state, HOST, NOW + timedelta(days=3654))


def test_a_crash_leaves_nothing_half_made(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails before the end there is no CA, and the next start makes a whole one."""

    def fail(path: Path, content: bytes) -> None:
        if path.name == "server.pem":
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(local_ca, "_write", fail)
        with pytest.raises(StoreError, match="No space left"):
            local_ca.ensure(state, HOST, NOW)

    assert list(state.iterdir()) == []
    assert local_ca.ensure(state, HOST, NOW).key_file.exists()


def test_server_context(state: Path) -> None:
    """TLS 1.2 at least, forward secrecy and AEAD only, no compression, no renegotiation."""
    made = local_ca.ensure(state, HOST, NOW)

    context = local_ca.server_context(made.certificate_file, made.key_file)

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    for cipher in context.get_ciphers():
        assert cipher["aead"]
        assert cipher["protocol"] == "TLSv1.3" or cipher["name"].startswith("ECDHE")


def test_server_context_refuses_what_does_not_fit(state: Path, tmp_path: Path) -> None:
    """A key that is not the certificate's is refused as configuration."""
    made = local_ca.ensure(state, HOST, NOW)

    with pytest.raises(InvalidConfig, match="cannot be used for TLS"):
        local_ca.server_context(made.ca_file, made.key_file)
    with pytest.raises(InvalidConfig, match="cannot be used for TLS"):
        local_ca.server_context(tmp_path / "absent", made.key_file)
