"""The snippets of a page of documentation, run as a reader would (CONTRIBUTING.md tells the convention)."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

BLOCK = re.compile(r"^```(?P<language>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!--\s*(?P<kind>setup|no-run|file):\s*(?P<value>(?:(?!-->).)*?)\s*-->", re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")
SHOWN_ONLY = frozenset({"", "text", "json", "ini", "diff", "mermaid"})
READY_WITHIN = 30.0
DONE_WITHIN = 60.0


class Block(NamedTuple):
    """One fenced block and the marks between it and the block before."""

    line: int
    language: str
    body: str
    marks: tuple[tuple[str, str], ...]

    def marked(self, kind: str) -> list[str]:
        return [value for mark, value in self.marks if mark == kind]


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    end = 0
    for match in BLOCK.finditer(page):
        marks = MARK.finditer(page, end, match.start())
        line = page.count("\n", 0, match.start()) + 1
        found.append(
            Block(line, match["language"], match["body"], tuple((mark["kind"], mark["value"]) for mark in marks))
        )
        end = match.end()
    return found


def commands(console: str) -> list[tuple[str, int]]:
    """Each command of a console block with the exit code it shall have; the rest is what it may print."""
    found: list[str] = []
    goes_on = False
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif goes_on:
            found[-1] += "\n" + line.removeprefix("> ")
        goes_on = bool(found) and found[-1].endswith("\\") and (line.startswith("$ ") or goes_on)
    return [(EXIT.sub("", command), int(code[1]) if (code := EXIT.search(command)) else 0) for command in found]


def read_page_alone(page: Path, folder: Path) -> None:
    """Read the page in a network of its own, if this machine allows it, where nobody else has its ports."""
    command = [*_network_of_its_own(), sys.executable, "-m", "tests.house.snippets", str(page), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


@cache
def _network_of_its_own() -> tuple[str, ...]:
    for command in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        with suppress(FileNotFoundError):
            if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
                return command
    return ()


def _loopback_up() -> None:
    """A new network begins with its loopback down (netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack("16sH22x", fcntl.ioctl(any_socket, 0x8913, struct.pack("16sH22x", b"lo", 0)))
        if not flags & 1:
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", name, flags | 1))


def read_page(page: str, folder: Path) -> None:
    """Do what the page says, from its top to its end, in `folder`."""
    with Reader(folder) as reader:
        for block in blocks(page):
            try:
                reader.read(block)
            except Exception as error:
                error.add_note(f"in the block at line {block.line}\n{reader.said()}")
                raise


class Reader:
    """Runs a page in one folder, which is home too; a server it starts is stopped at the end of the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._servers.close()

    def read(self, block: Block) -> None:
        for command in block.marked("setup"):
            self._shell(command)
        if block.marked("no-run"):
            return
        for name in block.marked("file"):
            (self.folder / name).write_text(block.body)
        match block.language:
            case "console":
                for command, code in commands(block.body):
                    self._shell(command, code)
            case "python":
                self._run([sys.executable, "-c", block.body])
            case "toml":
                self._check_config(block)
            case language if language not in SHOWN_ONLY:
                raise AssertionError(f"a {language} block: write console, python or toml, which are run, or text")

    def said(self) -> str:
        """What the page's server printed."""
        log = self.folder / ".serve.log"
        return f"the server said:\n{log.read_text()}" if log.exists() else ""

    def _check_config(self, block: Block) -> None:
        name = next(iter(block.marked("file")), "snippet.toml")
        (self.folder / name).write_text(block.body)
        self._run(["mailward", "check-config", name])

    def _shell(self, command: str, code: int = 0) -> None:
        if command.startswith("mailward serve") and code == 0:
            self._serve(command)
        else:
            self._run(["bash", "-o", "pipefail", "-c", command], code)

    def _run(self, command: list[str], code: int = 0) -> None:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=DONE_WITHIN,
        )
        assert done.returncode == code, f"exit {done.returncode}, not {code}: {command[-1]}\n{done.stdout}"

    def _serve(self, command: str) -> None:
        said = self.folder / ".serve.log"
        with said.open("w") as log:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment,
            )
        self._servers.callback(_stop, server)
        end = time.monotonic() + READY_WITHIN
        while "ready" not in said.read_text().splitlines():
            assert server.poll() is None, f"exit {server.returncode}: {command}\n{said.read_text()}"
            assert time.monotonic() < end, f"not ready within {READY_WITHIN:.0f} s: {command}\n{said.read_text()}"
            time.sleep(0.05)


def _stop(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        raise


if __name__ == "__main__":
    _loopback_up()
    read_page(Path(sys.argv[1]).read_text(), Path(sys.argv[2]))
