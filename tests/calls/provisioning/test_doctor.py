"""`manage.py doctor`: each check, passed and failed, against real services and the simulator."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from agents.provider_choices import Choice
from agents.providers import registry
from agents.providers.offers import Provider
from callcenter.celery import CALLS, app
from calls.lifecycle import leases
from calls.management.commands.doctor import PRODUCT
from calls.models.heartbeat import SWEEP
from calls.provisioning import key_checks, provider_keys, service_checks
from calls.provisioning.service_checks import Failed, Skipped
from calls.states import Status
from simulator.app import running_simulator
from simulator.twilio.api import TwilioAccount, running_twilio
from simulator.twilio.trunks import Trunk, Trunks
from tests.answering import answering
from tests.factories import make_call, make_number, make_persona
from tests.services import LiveKitServer
from tools.local import Instance, Redis
from tools.local.isolated_env import simulated_providers

pytestmark = pytest.mark.django_db

NOWHERE = "http://127.0.0.1:1"
VOICE = "EXAVITQu4vr4xnSDxMaL"


def served[T](server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Run a server in another thread's event loop: this one waits for its answers."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(20)
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    yield from served(running_simulator())


@pytest.fixture
def providers(simulator: str, settings: Settings) -> None:
    """The simulator stands in for all of them."""
    for name, url in simulated_providers(simulator).items():
        prefix = name.removesuffix("_BASE_URL")
        key = "simulator" if prefix in ("DEEPGRAM", "ELEVENLABS", "OPENAI") else ""
        for owner in (prefix, f"FALLBACK_{prefix}"):
            setattr(settings, f"{owner}_API_KEY", key)
            setattr(settings, f"{owner}_BASE_URL", url)


def failure(check: Callable[[], str]) -> tuple[str, str]:
    """What it finds, and the cure."""
    with pytest.raises(Failed) as caught:
        check()
    return str(caught.value), caught.value.cure


# --- The site ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["http://localhost:1", "http://127.0.0.1:1"])
def test_in_containers_the_machines_own_address_is_that_of_the_web_service(
    address: str, simulator: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container localhost is the container itself."""
    settings.PUBLIC_BASE_URL = address
    monkeypatch.setattr(service_checks, "WEB_SERVICE", simulator)
    assert failure(service_checks.public_address)[0].startswith(f"{address}/health does not answer")

    settings.IN_CONTAINERS = True
    assert service_checks.public_address() == f"{simulator} answers"


# --- Providers --------------------------------------------------------------------------------------------------------


def test_every_provider_is_checked_and_passes(providers: None) -> None:
    make_persona(voice_id=VOICE)

    checks = provider_keys.checks()
    assert list(checks) == [provider.label for provider in registry.all()] + ["Twilio"]
    for name in ("Deepgram", "ElevenLabs", "OpenAI"):
        assert checks[name]().startswith("127.0.0.1:")


@pytest.mark.parametrize("provider", registry.all(), ids=lambda provider: provider.name)
def test_a_provider_without_a_key_is_needed_only_where_a_persona_uses_it(
    provider: Provider, settings: Settings
) -> None:
    setattr(settings, provider.key_variable, "")
    with pytest.raises(Skipped, match="no key, and no published persona uses it"):
        key_checks.check(provider)

    setattr(settings, provider.key_variable, "key")
    stage, offer = provider.stages[0], provider.offers[0]
    fallback = Choice(stage, provider.name, offer.models[0].name, "katie" if stage == "tts" else "")
    values: dict[str, Any] = {f"{stage}_fallbacks": [fallback.as_json()]}
    make_persona("Anna", **values)
    setattr(settings, provider.key_variable, "")

    problem, cure = failure(lambda: key_checks.check(provider))

    assert problem == "has no key, but Anna uses it"
    assert cure.startswith(f"Set {provider.key_variable}, or choose another provider")


@pytest.mark.parametrize("name", ["anthropic", "cartesia"])
def test_a_manifest_can_say_with_which_request_a_key_is_tried(name: str, settings: Settings) -> None:
    provider = registry.get(name)
    key_request = provider.key_request
    assert key_request is not None
    with answering() as (url, answers):
        setattr(settings, provider.url_variable, url)
        setattr(settings, provider.key_variable, "secret")
        answers.append((200, {}))
        assert key_checks.check(provider) == f"{url.removeprefix('http://')} accepts the key"
        [(method, path, headers)] = answers.asked
        assert (method, path) == ("GET", key_request.path)
        assert "secret" in [headers.get(header, "").removeprefix("Bearer ") for header in key_request.headers]

        answers.append((401, {}))
        assert failure(lambda: key_checks.check(provider)) == (
            "refuses the key",
            f"Set {provider.key_variable} to a key of that account, with all permissions.",
        )
    setattr(settings, provider.url_variable, NOWHERE)
    assert failure(lambda: key_checks.check(provider))[1].startswith(f"Check {provider.url_variable}")


@pytest.mark.parametrize("name", ["Deepgram", "ElevenLabs", "OpenAI"])
def test_a_key_that_is_refused_is_named_with_its_variable(name: str, providers: None, settings: Settings) -> None:
    setattr(settings, f"{name.upper()}_API_KEY", "invalid")

    problem, cure = failure(provider_keys.checks()[name])

    assert problem == "refuses the key"
    assert cure == f"Set {name.upper()}_API_KEY to a key of that account, with all permissions."


@pytest.mark.parametrize("name", ["Deepgram", "ElevenLabs", "OpenAI"])
def test_a_provider_that_is_away_is_reported_with_its_variable(name: str, providers: None, settings: Settings) -> None:
    setattr(settings, f"{name.upper()}_BASE_URL", NOWHERE)

    problem, cure = failure(provider_keys.checks()[name])

    assert problem.startswith("cannot be reached (")
    assert cure.startswith(f"Check {name.upper()}_BASE_URL")


def test_a_fallback_of_its_own_is_tried_too(providers: None, settings: Settings) -> None:
    settings.FALLBACK_OPENAI_API_KEY = "invalid"

    assert failure(provider_keys.checks()["OpenAI (fallback)"])[1].startswith("Set FALLBACK_OPENAI_API_KEY")


def test_a_voice_that_the_account_has_not_is_named_with_its_persona(providers: None) -> None:
    make_persona("Anna", voice_id="nobodys-voice")

    problem, cure = failure(provider_keys.checks()["ElevenLabs"])

    assert problem == "no voice nobodys-voice, with which Anna speaks"
    assert "Choose another voice" in cure


def test_a_model_that_the_account_has_not_is_named_with_its_persona(providers: None) -> None:
    make_persona("Anna", llm_model="nobodys-model")

    problem, _ = failure(provider_keys.checks()["OpenAI"])

    assert problem == "no model nobodys-model, with which Anna thinks"


# --- Twilio -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def account(settings: Settings) -> Iterator[Trunks]:
    account, trunks = TwilioAccount(), Trunks()
    server = running_twilio(account, trunks.routes())
    for url in served(server):
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = account.sid, account.auth_token
        settings.TWILIO_BASE_URL = url
        yield trunks


def test_twilio_passes_with_an_account_and_our_trunk(account: Trunks, settings: Settings) -> None:
    assert failure(provider_keys.twilio) == (
        "the account has no trunk of this call center",
        "Run manage.py setup_twilio.",
    )

    account.trunks["TK1"] = Trunk({"sid": "TK1", "friendly_name": "callcenter"})
    assert provider_keys.twilio() == "account active, trunk found"

    settings.TWILIO_AUTH_TOKEN = "wrong"
    assert failure(provider_keys.twilio) == (
        "Twilio refuses the account",
        "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
    )


def test_twilio_is_not_needed_without_an_account(settings: Settings) -> None:
    settings.TWILIO_ACCOUNT_SID = ""

    with pytest.raises(Skipped, match="only needed for real telephone numbers"):
        provider_keys.twilio()


# --- The product ------------------------------------------------------------------------------------------------------


def test_the_database_passes_when_all_migrations_are_applied() -> None:
    assert service_checks.database().endswith("all migrations applied")


def test_workers_pass_when_there_are_slots_and_a_sweep() -> None:
    assert failure(service_checks.workers)[0] == "no worker is running: callers hear ringing"
    leases.beat("host:1", slots=4)
    make_call(Status.IN_PROGRESS, lease_holder="host:1")
    assert failure(service_checks.workers)[0].startswith("no sweep")
    leases.beat(SWEEP)

    assert service_checks.workers() == "3 of 4 slots free"


def test_numbers_pass_when_a_caller_would_be_answered() -> None:
    assert failure(service_checks.numbers)[0].startswith("no number is active")
    make_number("+12025550100")
    assert service_checks.numbers() == "active: 1"
    make_number("+12025550101", make_persona(published=False))

    assert failure(service_checks.numbers)[0] == "+12025550101 has an unpublished persona"


def test_the_broker_passes_when_its_queue_exists(rabbitmq: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.connection_for_write() as connection:
        CALLS(connection.default_channel).declare()
    assert service_checks.broker() == "consumers: 0, waiting messages: 0"

    monkeypatch.setattr(service_checks, "CALLS", "nobodys")
    assert failure(service_checks.broker) == (
        "the queue nobodys does not exist",
        "Start a worker: it declares the queues.",
    )


def test_redis_passes_when_it_answers(redis: Redis, settings: Settings) -> None:
    assert service_checks.shared_counts() == "answers"

    settings.CACHES = settings.CACHES | {"shared": settings.CACHES["shared"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert failure(service_checks.shared_counts) == (
        "cannot be reached (ConnectionError)",
        "Start Redis, or correct CACHE_URL: until then each web process has limits of its own.",
    )


@pytest.mark.parametrize(
    ("place", "where"),
    [("compose", "docker compose exec web"), ("a pod", "kubectl exec deployment/web --")],
    ids=["compose", "kubernetes"],
)
def test_in_containers_redis_is_tried_where_web_processes_are(
    place: str, where: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker's container does not know it."""
    settings.IN_CONTAINERS = place == "compose"
    if place == "a pod":
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.43.0.1")
        monkeypatch.setenv("CACHE_URL", "")
    else:
        monkeypatch.delenv("CACHE_URL", raising=False)
    settings.CACHES = settings.CACHES | {"shared": settings.CACHES["shared"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with pytest.raises(Skipped, match=f"{where} python manage.py doctor Redis"):
        service_checks.shared_counts()

    monkeypatch.setenv("CACHE_URL", "redis://127.0.0.1:1/0")
    assert failure(service_checks.shared_counts)[0] == "cannot be reached (ConnectionError)"


def test_livekit_passes_when_it_accepts_the_key(livekit: LiveKitServer, settings: Settings) -> None:
    assert service_checks.livekit().startswith("open rooms: ")

    settings.LIVEKIT_API_SECRET = "x" * 40
    assert failure(service_checks.livekit)[1].startswith("Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"
    assert failure(service_checks.livekit)[1] == "Start LiveKit, or correct LIVEKIT_URL."


def test_sip_trunks_pass_when_every_number_comes_in(livekit: LiveKitServer) -> None:
    with pytest.raises(Skipped, match="setup_livekit_sip"):
        service_checks.sip_trunks()


def test_the_public_address_passes_when_it_answers(simulator: str, settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = simulator  # it answers as the web process does
    assert service_checks.public_address() == f"{simulator} answers"

    settings.PUBLIC_BASE_URL = f"{simulator}/nowhere"
    assert failure(service_checks.public_address)[0].endswith("answers with status 404")
    settings.PUBLIC_BASE_URL = NOWHERE
    assert failure(service_checks.public_address)[0].startswith(f"{NOWHERE}/health does not answer")


# --- The command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_a_line_each_and_exits_with_1_when_a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def sick() -> str:
        raise Failed("it coughs", "Give it tea.")

    def idle() -> str:
        raise Skipped("nobody wants it")

    def broken() -> str:
        raise RuntimeError("oops")

    fakes = {"Settings": lambda: "fine", "Broker": sick, "Workers": idle, "LiveKit": broken}
    for name, fake in fakes.items():
        monkeypatch.setitem(PRODUCT, name, fake)
    printed = io.StringIO()

    with pytest.raises(SystemExit) as caught:
        call_command("doctor", "settings", "Broker", "Workers", "LiveKit", stdout=printed)

    assert caught.value.code == 1
    assert printed.getvalue().splitlines() == [
        "✓ Settings  fine",
        "✗ Broker    it coughs",
        "            Give it tea.",
        "– Workers   nobody wants it",
        "✗ LiveKit   could not run: RuntimeError",
        "            Run manage.py check.",
        "2 of 4 checks failed.",
    ]


def test_the_command_says_when_all_checks_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRODUCT, "Settings", lambda: "fine")
    printed = io.StringIO()

    call_command("doctor", "Settings", stdout=printed)

    assert printed.getvalue().endswith("All checks passed.\n")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="There is no check Kitchen: choose from Settings, Database"):
        call_command("doctor", "Kitchen")
