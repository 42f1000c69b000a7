"""What is wrong with a draft, in words for whoever wrote it."""

from django.core.exceptions import ValidationError

from agents.models import Persona, PersonaTool


def in_plain_words(error: ValidationError) -> list[str]:
    """Each message with the name of its field in front."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    labels = {field.name: str(field.verbose_name) for field in (*Persona._meta.fields, *PersonaTool._meta.fields)}
    return [
        f"{labels[name].capitalize()}: {line}" if name in labels else line
        for name, lines in error.message_dict.items()
        for line in lines
    ]
