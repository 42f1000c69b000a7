"""Whether OpenAI, or a server like it, accepts the key, and has the models of the published personas."""

from collections.abc import Sequence

from agents.providers.accounts import Account
from calls.provisioning.key_checks import Use, refused, unreachable
from calls.provisioning.service_checks import WITHIN_S, Failed, Skipped


def check_key(account: Account, used: Sequence[Use]) -> str:
    """List the models, and look for those of the published personas."""
    try:
        from openai import APIError, APIStatusError, OpenAI
    except ImportError as error:
        raise Skipped("skipped: its SDK is installed where workers run; run doctor there") from error
    client = OpenAI(api_key=account.api_key, base_url=account.base_url, timeout=WITHIN_S, max_retries=0)
    try:
        models = {model.id for model in client.models.list()}
    except APIStatusError as error:
        raise refused(account, error.status_code) from error
    except APIError as error:
        raise unreachable(account, error) from error
    for use in used if models else []:
        if use.choice.model not in models:
            problem = f"no model {use.choice.model}, with which {use.persona} thinks"
            raise Failed(problem, "Choose another model in the admin and publish the persona.")
    return f"{account.host} has the models of all personas"
