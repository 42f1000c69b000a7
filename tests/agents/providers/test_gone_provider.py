"""A version that names a provider without a folder: a newer release published it, or the folder was removed."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.utils import timezone

from agents import services
from agents.models import PersonaVersion
from calls.provisioning import service_checks
from calls.states import Status
from tests.factories import client_of, make_call, make_number, make_persona
from workers.call import lifetime
from workers.providers import services as provider_services
from workers.providers import targets
from workers.providers.targets import NoProviderError

pytestmark = pytest.mark.django_db(transaction=True)

GONE = {"provider": "gone", "model": "gone-1", "voice_id": "rachel"}
SONIC = {"provider": "cartesia", "model": "sonic-3", "voice_id": "katie"}


def make_version(**values: Any) -> PersonaVersion:
    """A live version with values that only another release could have published."""
    version = make_persona().live_version
    assert version is not None
    PersonaVersion.objects.filter(pk=version.pk).update(**values)
    return PersonaVersion.objects.get(pk=version.pk)


def test_a_fallback_that_nobody_knows_is_left_out() -> None:
    version = make_version(tts_fallbacks=[GONE, SONIC])
    assert [target.provider for target in targets.tts(version)] == ["elevenlabs", "cartesia"]


def test_the_fallbacks_stand_in_for_a_provider_that_nobody_knows() -> None:
    version = make_version(tts_provider="gone", tts_fallbacks=[SONIC])
    assert [target.provider for target in targets.tts(version)] == ["cartesia"]


def test_a_version_that_nobody_can_speak_for_is_named() -> None:
    version = make_version(tts_provider="gone")
    with pytest.raises(NoProviderError, match="has gone for tts, which this release does not know"):
        targets.tts(version)


def test_a_worker_starts_all_the_same() -> None:
    make_version(tts_provider="gone")
    provider_services.load_usual()


async def test_a_worker_that_does_not_know_it_leaves_the_call_to_another() -> None:
    def queued_call() -> Any:
        still_rings = timezone.now() + timedelta(seconds=30)
        return make_call(persona_version=make_version(tts_provider="gone"), rings_until=still_rings)

    call = await sync_to_async(queued_call)()
    await lifetime.handle()

    await call.arefresh_from_db()
    assert call.status == Status.QUEUED


def test_it_is_not_made_live_again() -> None:
    version = make_version(tts_provider="gone")
    with pytest.raises(ValidationError, match="There is no provider gone here"):
        services.roll_back(version)


def test_doctor_names_the_version() -> None:
    version = make_version(tts_provider="gone")
    make_number("+12025550100", version.persona)
    with pytest.raises(service_checks.Failed, match=f"{version} needs gone, which has no folder here"):
        service_checks.numbers()


def test_its_page_can_be_read() -> None:
    version = make_version(tts_provider="gone", tts_fallbacks=[GONE])
    client = client_of("Supervisors")
    for page in (f"personaversion/{version.pk}/change/", f"persona/{version.persona_id}/change/"):
        assert client.get(f"/admin/agents/{page}").status_code == 200
