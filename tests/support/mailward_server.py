"""A real `mailward serve` in a process of its own, that can be stopped, killed and started again where it left off."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import Self

from tests.support.installation import COMMAND, Installation, free_port

PATIENCE = 20.0  # seconds; the machine may be busy


class MailwardServer(Installation):
    """`with MailwardServer(tmp_path) as server:` gives `server.ports["starttls"]`, `server.trust`, `server.events()`.

    The keywords are those of Installation. `wrapper`: a command that the server is run under, such as strace.
    `environment`: added to ours. Stopping asserts that the process had nothing to complain about.
    """

    wrapper: tuple[str, ...] = ()
    environment: dict[str, str] = {}  # noqa: RUF012  # replaced, never changed
    _process: subprocess.Popen[str] | None = None
    _printer: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the server does not run"
        return self._process

    @property
    def complaints(self) -> str:
        """What it wrote on standard error, this time."""
        return (self.directory / "stderr").read_text()

    def start(self) -> None:
        """Returns when every listener is open. The ports stay the same from the first start on."""
        if not self.ports:
            self.ports = {tls: free_port() for tls in self._listeners}
        self.configure(self.ports)
        self.launch()
        assert self.ready.wait(PATIENCE), f"it is not ready after {PATIENCE} s: {self.complaints}"
        if not self._is_ready:
            code = self.process.wait(PATIENCE)
            self._ended()
            raise AssertionError(f"it ended with {code} before it was ready: {self.complaints}")

    def launch(self) -> None:
        """Starts the process and does not wait; `ready` is set when it says so, or ends."""
        assert self._process is None, "the server runs already"
        command = [*self.wrapper, COMMAND, "serve", "--config", str(self.file)]
        self.ready = threading.Event()
        self._is_ready = False
        self.printed: list[str] = []
        with (self.directory / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | self.environment
            )
        self._printer = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._printer.start()

    def terminate(self) -> None:
        """Asks it to stop, and does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM; it must end by itself, with exit code 0 and no traceback."""
        self.terminate()
        self.wait_stopped()

    def wait_stopped(self) -> None:
        code = self.process.wait(PATIENCE)
        self._ended()
        assert code == 0, f"it ended with {code}: {self.complaints}"
        assert "Traceback" not in self.complaints, self.complaints

    def kill(self) -> None:
        """SIGKILL, as a power cut of the process."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self._ended()

    def _ended(self) -> None:
        if self._printer is not None:
            self._printer.join(PATIENCE)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = self._printer = None

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.printed.append(line.rstrip("\n"))
            if self.printed[-1] == "ready":
                self._is_ready = True
                self.ready.set()
        self.ready.set()
