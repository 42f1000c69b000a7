"""The secrets that services behind tools require, by name."""

from agents.models import PersonaVersion, ToolSecret
from agents.tools.encryption import decrypt, encrypt


def keep(secret: ToolSecret, text: str) -> None:
    """Encrypt the text into the row, which is not saved yet. Raises ImproperlyConfigured without a key."""
    secret.value = encrypt(text)


def reveal(name: str, host: str) -> str:
    """The secret of this name, if it is for this host. Raises ToolSecret.DoesNotExist, and ImproperlyConfigured when no
    key fits."""
    return decrypt(ToolSecret.objects.values_list("value", flat=True).get(name=name, host=host))


def is_used(secret: ToolSecret) -> bool:
    """Whether a draft or a published version names the secret: without it, its tools would fail."""
    return (
        secret.tools.exists() or PersonaVersion.objects.filter(tools_json__contains=[{"secret": secret.name}]).exists()
    )
