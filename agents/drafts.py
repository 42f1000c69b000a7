"""How a persona's draft differs from what callers hear."""

from agents.models import Persona, PersonaVersion
from agents.services import Difference, compare


def as_version(persona: Persona) -> PersonaVersion:
    """The draft in the shape of a version, not saved, so that the two can be compared."""
    return PersonaVersion(
        persona=persona,
        number=0,
        tools_json=[tool.as_json() for tool in persona.tools.all()],
        **persona.settings_values(),
    )


def unpublished_changes(persona: Persona) -> list[Difference]:
    """The fields of the draft that callers do not hear yet; empty when nothing was ever published."""
    return compare(persona.live_version, as_version(persona)) if persona.live_version else []
