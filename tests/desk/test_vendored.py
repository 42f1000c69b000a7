"""What is not ours is what its table says."""

import hashlib
import re

from tools.local import ROOT

VENDOR = ROOT / "desk/static/desk/vendor"


def test_every_file_has_its_version_hash_and_license_in_the_table() -> None:
    table = dict(
        re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|", (VENDOR / "README.md").read_text(), re.MULTILINE)
    )
    scripts = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}

    assert scripts == table
    assert "Apache License" in (VENDOR / "LICENSE").read_text()


def test_pages_load_the_files_that_are_there() -> None:
    page = (ROOT / "templates/desk/talk.html").read_text()
    for name in re.findall(r"desk/vendor/([^']+)'", page):
        assert (VENDOR / name).exists()
