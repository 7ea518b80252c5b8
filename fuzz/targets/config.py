"""Any octets as a configuration: read, or refused with lines that exist."""

from __future__ import annotations

from mailward.server import config

SEEDS: list[bytes] = [
    b'hostname = "mail.example.test"\nstate = "state"\n[[listener]]\naddress = "127.0.0.1:5465"\ntls = "implicit"\n',
    b'[[listener]]\naddress = "[::1]:0"\ntls = "starttls"\n[tls]\ncertificate = "a"\nkey = "b"\n',
    b'[delivery]\nto = "smtps://ann%40example.test@host:465?tls=implicit"\npassword_file = "p"\nca = "c"\n',
    b'[allowlist]\nnetworks = ["10.0.0.0/8", "::ffff:10.0.0.0/104", # x\n "fe80::/10"]\nrelay_without_login = []\n',
    b"[guard]\nban = 1e999\nwindow = nan\nsource_failures = 0xffff\n[queue]\nfirst_retry = -0.0\n",
    b'a = """\n[x]\n"""""\n"b.c".d = \'\'\'e\'\'\'\nf = { g = [1, { h = 1979-05-27 07:32:00 }] }\n',
    b"hostname.a = 1\nlistener = [[], {}]\nlimits = 3\n[events]\nfile.x = true\n",
]


def target(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for error in config.check(text, "mailward.toml", files=False):
        if error.line is not None and not 1 <= error.line <= text.count("\n") + 1:
            raise AssertionError(f"line {error.line} is not in the file")
        if not str(error).isprintable():
            raise AssertionError(f"not fit for a terminal: {error!r}")
