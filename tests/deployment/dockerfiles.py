"""What the Dockerfiles say, instruction by instruction."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from tools.local import ROOT

NAMES = ("web", "worker", "simulator")


@dataclass
class Stage:
    """From one FROM to the next: its image, and its instructions as pairs of name and rest."""

    image: str
    name: str = ""
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """What follows each instruction of this name."""
        return [rest for name, rest in self.instructions if name == instruction]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        return dict(re.findall(r"([A-Z][A-Z0-9_]*)=(\S+)", " ".join(self.all("ENV"))))

    @property
    def command(self) -> list[str]:
        """CMD, in its form of a list."""
        (command,) = self.all("CMD")
        parts: list[str] = json.loads(command)
        return parts

    def sources(self) -> list[str]:
        """What it copies from the checkout."""
        copies = [copy.split() for copy in self.all("COPY") if "--from=" not in copy]
        return [source for *sources, _ in copies for source in sources]


def path(name: str) -> Path:
    """The Dockerfile of this image."""
    return ROOT / "docker" / name / "Dockerfile"


def stages(name: str) -> list[Stage]:
    """The image's stages; the last one is what is run."""
    text = re.sub(r"^#.*\n", "", path(name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            image, _, stage = rest.partition(" AS ")
            found.append(Stage(image, stage))
        else:
            found[-1].instructions.append((instruction, rest.strip()))
    return found


def final(name: str) -> Stage:
    """The stage that is run."""
    return stages(name)[-1]
