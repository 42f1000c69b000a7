"""The providers' settings: the same for each manifest in workers/providers.

Of Deepgram: DEEPGRAM_API_KEY and DEEPGRAM_BASE_URL; FALLBACK_DEEPGRAM_API_KEY and FALLBACK_DEEPGRAM_BASE_URL, another
account or region that takes over when that fails; and DEEPGRAM_PRICE_MINUTE, in US cents.
"""

from typing import TYPE_CHECKING, Any

from agents.providers import registry
from agents.providers.manifest import ManifestError
from agents.providers.offers import PRICE_UNITS, Provider

if TYPE_CHECKING:
    from callcenter.environment.values import Env  # with Django, which scripts that ask here have no use for


def known_providers() -> list[Provider]:
    """Every provider. Raises SystemExit with one line when a manifest cannot be used."""
    try:
        return registry.all()
    except ManifestError as error:
        raise SystemExit(str(error)) from error


def price_variables(provider: Provider) -> dict[str, float]:
    """The variables of its prices, with the list price that each has when it is not set."""
    return {
        f"{provider.prefix}_PRICE_{unit.upper()}": offer.prices[unit]
        for offer in provider.offers
        for unit in PRICE_UNITS[offer.stage]
    }


def variables_of(provider: Provider) -> list[str]:
    """The names of all its variables."""
    owners = (provider.prefix, f"FALLBACK_{provider.prefix}")
    return [*(f"{owner}_{part}" for owner in owners for part in ("API_KEY", "BASE_URL")), *price_variables(provider)]


def account_settings(env: "Env") -> dict[str, Any]:
    """The values of all of them by name; what is not set has its default."""
    found: dict[str, Any] = {}
    for provider in known_providers():
        key: str = env.str(provider.key_variable, default="")
        url: str = env.provider_url(f"{provider.prefix}_BASE_URL") or provider.base_url
        fallback = f"FALLBACK_{provider.prefix}"
        found |= {
            provider.key_variable: key,
            f"{provider.prefix}_BASE_URL": url,
            f"{fallback}_API_KEY": env.str(f"{fallback}_API_KEY", default="") or key,
            f"{fallback}_BASE_URL": env.provider_url(f"{fallback}_BASE_URL") or url,
        }
        for name, list_price in price_variables(provider).items():
            # A line without a value is no price of zero.
            found[name] = env.float(name) if env.str(name, default="").strip() else list_price
    return found
