"""The call center's accounts with others, each checked as a call would use it, at no cost."""

from collections.abc import Callable
from functools import partial

from django.conf import settings

from agents.providers import registry
from agents.providers.accounts import account_of
from calls.provisioning import key_checks, twilio_client, twilio_trunk
from calls.provisioning.changes import CannotProvision
from calls.provisioning.service_checks import Failed, Skipped


def checks() -> dict[str, Callable[[], str]]:
    """By name: each provider, each fallback that is not the same account at the same address, and Twilio."""
    found: dict[str, Callable[[], str]] = {}
    for provider in registry.all():
        found[provider.label] = partial(key_checks.check, provider)
        own, fallback = account_of(provider), account_of(provider, stands_in=True)
        if (own.api_key, own.base_url) != (fallback.api_key, fallback.base_url):
            found[f"{provider.label} (fallback)"] = partial(key_checks.check, provider, stands_in=True)
    return {**found, "Twilio": twilio}


def twilio() -> str:
    """The account is active, and has the trunk."""
    if not settings.TWILIO_ACCOUNT_SID:
        raise Skipped("no account: only needed for real telephone numbers")
    try:
        client = twilio_client.client()
        account = client.api.accounts(settings.TWILIO_ACCOUNT_SID).fetch()
        trunks = [trunk.friendly_name for trunk in client.trunking.v1.trunks.list()]
    except CannotProvision as error:
        raise Failed("the account is not complete", str(error)) from error
    except twilio_client.ERRORS as error:
        problem, _, cure = twilio_client.refused(error).partition(": ")
        raise Failed(problem, cure or "Try again, and check status.twilio.com.") from error
    if account.status != "active":
        raise Failed(f"the account is {account.status}", "Check the billing in Twilio's console.")
    if twilio_trunk.NAME not in trunks:
        raise Failed("the account has no trunk of this call center", "Run manage.py setup_twilio.")
    return "account active, trunk found"
