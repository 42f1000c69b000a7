"""The plan of a provisioning command, printed line by line, and applied unless only the plan is wanted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class CannotProvision(Exception):
    """Something is missing or was refused. One line, with the cure."""


@dataclass
class Changes:
    """Reports each thing once: `+` is created, `~` changed, `=` correct as it is. With `dry_run` nothing is done."""

    tell: Callable[[str], None]
    dry_run: bool = False
    made: list[str] = field(default_factory=list)

    def create(self, what: str) -> bool:
        """Report that `what` is missing. True if it is to be created now."""
        return self._change(f"+ {what}")

    def update(self, what: str, differences: Mapping[str, str]) -> bool:
        """Report what differs. True if it is to be changed now; False also if nothing differs."""
        if not differences:
            self.tell(f"= {what}")
            return False
        return self._change(f"~ {what}: " + ", ".join(f"{name} {how}" for name, how in differences.items()))

    def _change(self, line: str) -> bool:
        self.made.append(line)
        self.tell(line)
        return not self.dry_run

    def conclusion(self) -> str:
        """One line about all of it."""
        if not self.made:
            return "Everything is up to date."
        count = f"{len(self.made)} change{'s' if len(self.made) > 1 else ''}"
        return f"{count} to make; nothing was changed (--dry-run)." if self.dry_run else f"{count} made."


def differences(is_now: Mapping[str, object], shall_be: Mapping[str, object]) -> dict[str, str]:
    """The fields of `shall_be` that are otherwise now, with both values in words."""
    return {
        name: f"{_words(is_now.get(name))} → {_words(value)}"
        for name, value in shall_be.items()
        if is_now.get(name) != value
    }


def _words(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value) if value not in (None, "") else "none"
