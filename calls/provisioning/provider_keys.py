"""The keys of the providers, each tried with the provider's own SDK as a call would use it, and at no cost."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from elevenlabs import ElevenLabs
from elevenlabs.core.api_error import ApiError as ElevenLabsError

from agents.models import Persona, PersonaVersion
from calls.provisioning import twilio_client, twilio_trunk
from calls.provisioning.changes import CannotProvision
from calls.provisioning.examinations import WITHIN_S, NotNeeded, Unwell

FLUX = "flux-general-en"  # every account has it


def examinations() -> dict[str, Callable[[], str]]:
    """By name: each provider, and each fallback that is not the same account at the same address."""
    found: dict[str, Callable[[], str]] = {}
    for name, examine in (("Deepgram", deepgram), ("ElevenLabs", elevenlabs), ("OpenAI", openai)):
        prefix = name.upper()
        first = (getattr(settings, f"{prefix}_API_KEY"), getattr(settings, f"{prefix}_BASE_URL"))
        fallback = tuple(getattr(settings, f"FALLBACK_{prefix}_{part}") for part in ("API_KEY", "BASE_URL"))
        found[name] = partial(examine, prefix)
        if fallback != first:
            found[f"{name} (fallback)"] = partial(examine, f"FALLBACK_{prefix}")
    return {**found, "Twilio": twilio}


def deepgram(prefix: str) -> str:
    """Open the connection on which a call is heard, and close it again. Deepgram bills audio only."""
    try:
        from deepgram import DeepgramClient
        from deepgram.core.api_error import ApiError
        from deepgram.environment import DeepgramClientEnvironment
        from websockets.exceptions import InvalidStatus, WebSocketException
    except ImportError as error:
        raise NotNeeded("not tried: its SDK is installed where workers run; run doctor there") from error
    key, url = _account(prefix)
    socket_url = url.replace("http", "ws", 1)
    address = DeepgramClientEnvironment(base=url, production=socket_url, agent=socket_url, agent_rest=url)
    client = DeepgramClient(api_key=key, environment=address, timeout=WITHIN_S)
    try:
        with client.listen.v2.connect(model=FLUX, encoding="linear16", sample_rate=16_000):
            return f"{_host(url)} listens"
    except ApiError as error:
        raise _unwell(prefix, error.status_code) from error
    except InvalidStatus as error:
        raise _unwell(prefix, error.response.status_code) from error
    except (WebSocketException, OSError, httpx.HTTPError) as error:
        raise _unreachable(prefix, error) from error


def elevenlabs(prefix: str) -> str:
    """List the account's voices, and look for those of the published personas."""
    key, url = _account(prefix)
    client = ElevenLabs(api_key=key, base_url=url, timeout=WITHIN_S)
    options = {"max_retries": 0, "timeout_in_seconds": int(WITHIN_S)}
    try:
        client.voices.search(page_size=1, request_options=options)
        for version in _live_versions():
            client.voices.get(version.voice_id, request_options=options)
    except ElevenLabsError as error:
        if error.status_code in (400, 404):
            problem = f"no voice {version.voice_id}, with which {version.persona.name} speaks"
            raise Unwell(problem, "Choose another voice in the admin and publish the persona.") from error
        raise _unwell(prefix, error.status_code) from error
    except (httpx.HTTPError, AttributeError, TypeError, ValueError) as error:
        raise _unreachable(prefix, error) from error
    return f"{_host(url)} has the voices of all personas"


def openai(prefix: str) -> str:
    """List the models, and look for those of the published personas."""
    try:
        from openai import APIError, APIStatusError, OpenAI
    except ImportError as error:
        raise NotNeeded("not tried: its SDK is installed where workers run; run doctor there") from error
    key, url = _account(prefix)
    client = OpenAI(api_key=key, base_url=url, timeout=WITHIN_S, max_retries=0)
    try:
        models = {model.id for model in client.models.list()}
    except APIStatusError as error:
        raise _unwell(prefix, error.status_code) from error
    except APIError as error:
        raise _unreachable(prefix, error) from error
    for version in _live_versions() if models else []:
        if version.llm_model not in models:
            problem = f"no model {version.llm_model}, with which {version.persona.name} thinks"
            raise Unwell(problem, "Choose another model in the admin and publish the persona.")
    return f"{_host(url)} has the models of all personas"


def twilio() -> str:
    """The account is active, and has the trunk."""
    if not settings.TWILIO_ACCOUNT_SID:
        raise NotNeeded("no account: only needed for real telephone numbers")
    try:
        client = twilio_client.client()
        account = client.api.accounts(settings.TWILIO_ACCOUNT_SID).fetch()
        trunks = [trunk.friendly_name for trunk in client.trunking.v1.trunks.list()]
    except CannotProvision as error:
        raise Unwell("the account is not complete", str(error)) from error
    except twilio_client.ERRORS as error:
        problem, _, cure = twilio_client.refused(error).partition(": ")
        raise Unwell(problem, cure or "Try again, and check status.twilio.com.") from error
    if account.status != "active":
        raise Unwell(f"the account is {account.status}", "Check the billing in Twilio's console.")
    if twilio_trunk.NAME not in trunks:
        raise Unwell("the account has no trunk of this call center", "Run manage.py setup_twilio.")
    return "account active, trunk found"


def _account(prefix: str) -> tuple[str, str]:
    return getattr(settings, f"{prefix}_API_KEY"), getattr(settings, f"{prefix}_BASE_URL").rstrip("/")


def _live_versions() -> list[PersonaVersion]:
    live = Persona.objects.exclude(live_version=None).values("live_version")
    return list(PersonaVersion.objects.filter(pk__in=live).select_related("persona"))


def _unwell(prefix: str, status: int | None) -> Unwell:
    if status in (401, 403):
        return Unwell("refuses the key", f"Set {prefix}_API_KEY to a key of that account, with all permissions.")
    if status in (402, 429):
        return Unwell(f"has no credit or too many requests (status {status})", "Check the account's billing.")
    return Unwell(f"answers with status {status}", f"Check {prefix}_BASE_URL; if it is right, try again later.")


def _unreachable(prefix: str, error: Exception) -> Unwell:
    cure = f"Check {prefix}_BASE_URL, and that this machine may reach it."
    return Unwell(f"cannot be reached ({type(error).__name__})", cure)


def _host(url: str) -> str:
    return urlsplit(url).netloc
