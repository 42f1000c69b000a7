"""How a persona's draft differs from what callers hear."""

from agents.models import Persona
from agents.services import Difference, as_version, compare


def unpublished_changes(persona: Persona) -> list[Difference]:
    """The fields of the draft that callers do not hear yet; empty when nothing was ever published."""
    return compare(persona.live_version, as_version(persona)) if persona.live_version else []
