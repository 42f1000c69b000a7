"""Secrets in the database: encrypted with FIELD_ENCRYPTION_KEYS, so that a copy of the database reveals none."""

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_MARK = "fernet:"


def _fernets() -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # here, because workers whose tools have no secret need none

    if not settings.FIELD_ENCRYPTION_KEYS:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is not set: database secrets cannot be read or stored.")
    # Any long random text is a key, as all other keys in the environment are; Fernet wants 32 bytes in base64.
    keys = (base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()) for key in settings.FIELD_ENCRYPTION_KEYS)
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt with the first key. Raises ImproperlyConfigured without a key."""
    return _MARK + _fernets().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Decrypt with any of the keys. Raises ImproperlyConfigured when none of them fits."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernets().decrypt(stored.removeprefix(_MARK)).decode()
    except InvalidToken as error:
        message = "No key in FIELD_ENCRYPTION_KEYS decrypts a secret in the database: add its key back at the end."
        raise ImproperlyConfigured(message) from error


class EncryptedTextField(models.TextField[str, str]):
    """Holds what `encrypt` made, and refuses anything else: only who calls `decrypt` ever has the secret in hand."""

    def get_prep_value(self, value: Any) -> Any:
        if value and not str(value).startswith(_MARK):
            raise ValueError(f"{self.name} is not encrypted: write what agents.tools.encryption.encrypt returns.")
        return super().get_prep_value(value)


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every model with such a field, and the field's name."""
    for model in apps.get_models():
        for field in model._meta.fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name


@transaction.atomic
def rotate() -> int:
    """Encrypt every secret again with the first key; return how many. Raises as `decrypt` does, changing nothing."""
    count = 0
    for model, name in encrypted_fields():
        for row in model._base_manager.select_for_update().only("pk", name):
            fresh = encrypt(decrypt(getattr(row, name)))
            model._base_manager.filter(pk=row.pk).update(**{name: fresh})  # not save(): nobody changed the secret
            count += 1
    return count
