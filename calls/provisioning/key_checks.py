"""What the checks of the providers' keys have in common: what is asked for, and what is said of an answer.

The checks themselves are the providers': a request that the manifest describes, or a function in the vendor's folder.
"""

from dataclasses import dataclass

import httpx
from django.utils.module_loading import import_string

from agents import fallbacks
from agents.models import Persona, PersonaVersion
from agents.provider_choices import Choice
from agents.providers.accounts import Account, account_of
from agents.providers.offers import KeyRequest, Provider
from calls.provisioning.service_checks import WITHIN_S, Failed, Skipped


@dataclass(frozen=True, slots=True)
class Use:
    """What a published persona asks an account for."""

    persona: str
    choice: Choice


def check(provider: Provider, *, stands_in: bool = False) -> str:
    """Try the key of the provider's account, or of the one that takes over, as a call would use it, and at no cost.

    Returns what it found. Raises Failed, and Skipped when nobody uses it.
    """
    account = account_of(provider, stands_in=stands_in)
    used = uses(provider, stands_in=stands_in)
    if not account.api_key and not used:
        raise Skipped("no key, and no published persona uses it")
    if not account.api_key:
        cure = f"Set {account.key_variable}, or choose another provider in the admin and publish the persona."
        raise Failed(f"has no key, but {used[0].persona} uses it", cure)
    if provider.key_request is not None:
        return ask(account, provider.key_request)
    said: str = import_string(provider.check_key)(account, used)
    return said


def uses(provider: Provider, *, stands_in: bool) -> list[Use]:
    """What the published personas ask for; of an account that takes over only what they then ask for."""
    found = []
    for version in _live_versions():
        for stage in provider.stages:
            own, *others = fallbacks.choices(version, stage)
            is_own = own.provider == provider.name
            choices = [other for other in others if other.provider == provider.name and is_own == stands_in]
            if is_own and not stands_in:
                choices.insert(0, own)
            found += [Use(version.persona.name, choice) for choice in choices]
    return found


def ask(account: Account, request: KeyRequest) -> str:
    """Make the request that the provider answers with success when the key is right."""
    headers = {name: value.replace("{key}", account.api_key) for name, value in request.headers.items()}
    try:
        answer = httpx.get(f"{account.base_url}{request.path}", headers=headers, timeout=WITHIN_S)
    except httpx.HTTPError as error:
        raise unreachable(account, error) from error
    if not answer.is_success:
        raise refused(account, answer.status_code)
    return f"{account.host} accepts the key"


def refused(account: Account, status: int | None) -> Failed:
    """What an answer with this status means."""
    if status in (401, 403):
        return Failed("refuses the key", f"Set {account.key_variable} to a key of that account, with all permissions.")
    if status in (402, 429):
        return Failed(f"has no credit or too many requests (status {status})", "Check the account: is the bill paid?")
    return Failed(f"answers with status {status}", f"Check {account.url_variable}; if it is right, try again later.")


def unreachable(account: Account, error: Exception) -> Failed:
    """What it means when there is no answer, or none of a provider's."""
    cure = f"Check {account.url_variable}, and that this machine can reach it."
    return Failed(f"cannot be reached ({type(error).__name__})", cure)


def _live_versions() -> list[PersonaVersion]:
    live = Persona.objects.exclude(live_version=None).values("live_version")
    return list(PersonaVersion.objects.filter(pk__in=live).select_related("persona"))
