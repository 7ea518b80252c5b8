"""A daemon of another project with a folder and a port of its own, started for a test and ended after it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from tests.support.installation import free_port
from tests.support.postfix import need_root


class PrivateDaemon(ABC):
    """`directory`: its own, as long as it runs."""

    name: str
    directory: Path

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        need_root()
        self.directory = Path(tempfile.mkdtemp(prefix=f"mailward-{self.name}-"))
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            if self._process is not None:
                self._process.send_signal(signal.SIGTERM)
                self._process.wait(20)
        finally:
            shutil.rmtree(self.directory)

    @abstractmethod
    def _prepare(self) -> None:
        """Write its configuration."""

    @abstractmethod
    def _start(self) -> None:
        """Begin `_process`, and come back when it takes connections."""
