"""Projects of a few test files, for tests of how pytest is run."""

from pathlib import Path

import pytest

from tools.local import ROOT

SETTINGS = """
[pytest]
addopts = --strict-markers -p tests.interrupting -p xdist -p xdist.looponfail -p no:cacheprovider
markers = long
"""


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty project in the folder and enter it."""
    (folder / "pytest.ini").write_text(SETTINGS)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # importing Django, Playwright and others takes seconds
    for name in ("DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    return folder
