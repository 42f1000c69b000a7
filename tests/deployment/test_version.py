"""The version is in callcenter/__init__.py only. Everything that can reads it; other files must agree."""

import re
import tomllib
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from callcenter import __version__
from tools.local import ROOT

REPEATS = re.compile(
    r"callcenter-\w+:(\d\S*?)(?=[\s`,}]|$)|newTag: (\d[^\s}]*)|\"version\": \"(\d[^\"]*)\"|^__version__ = \"(.*?)\"",
    re.MULTILINE,
)
"""Tags of our images, an answer of /health in the documentation, and the version itself."""


def test_settings_and_api_schema_read_it() -> None:
    assert __version__ == settings.VERSION
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == __version__
    generator: Any = SchemaGenerator  # not typed
    assert generator().get_schema(public=True)["info"]["version"] == __version__


def test_the_admin_shows_it() -> None:
    assert __version__ in settings.UNFOLD["SITE_SUBHEADER"]


def test_pyproject_reads_it() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "version" not in pyproject["project"]
    assert pyproject["project"]["dynamic"] == ["version"]
    assert pyproject["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "callcenter.__version__"}


def test_files_that_cannot_read_it_agree_with_it() -> None:
    """Change callcenter/__init__.py, and this names the files that are left behind."""
    places = ["callcenter", "docker", "docs", "kubernetes"]
    files = [*ROOT.glob("*.*"), *(file for place in places for file in (ROOT / place).rglob("*"))]
    found = {}
    for file in files:
        if file.name == "Dockerfile" or file.suffix in (".py", ".md", ".yaml"):
            versions = {next(filter(None, groups)) for groups in REPEATS.findall(file.read_text())}
            if versions:
                found[str(file.relative_to(ROOT))] = versions

    assert {name: versions for name, versions in found.items() if versions != {__version__}} == {}
    assert {"callcenter/__init__.py", "compose.yaml", "docs/OPERATIONS.md"} < found.keys()
    assert sum(name.startswith("kubernetes/overlays/") for name in found) == 2


def test_the_changelog_begins_with_it() -> None:
    releases = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert releases[0] == __version__
