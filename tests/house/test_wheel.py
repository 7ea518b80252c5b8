"""What users install is whole, and nothing of the repository beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SRC, files


@pytest.mark.slow
def test_wheel_holds_the_package(tmp_path: Path) -> None:
    """The wheel has every file of src/mailward (SQL and py.typed too), the licence, and no more."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    [wheel] = tmp_path.glob("mailward-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    code = {name for name in names if ".dist-info/" not in name}
    assert code == {str(path.relative_to(ROOT / "src")) for path in files() if path.is_relative_to(SRC)}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
