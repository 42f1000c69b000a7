"""Lines that a voice says once: made when a version is published, kept while one is live, and never in the way."""

import queue
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from kombu.exceptions import OperationalError
from pipecat.services.elevenlabs.tts_base import ELEVENLABS_MODEL_LANGUAGES
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from agents import services, tasks
from agents.choices import Language
from agents.models import Persona, PersonaVersion, SpokenLine
from agents.phrases import ENGLISH, PHRASES, Phrases
from agents.voices import fixed_lines, speech_thread
from common import broker
from tests.agents.conftest import Provider, SentTasks
from tests.factories import client_of, make_persona
from workers.providers.elevenlabs import lines

pytestmark = pytest.mark.django_db


def _before_a_transfer(phrases: Phrases) -> set[str]:
    return {phrases.hold_on, phrases.say_again, phrases.resumed, phrases.goodbye}


APOLOGIES = _before_a_transfer(ENGLISH)


def _live(persona: Persona) -> PersonaVersion:
    persona.refresh_from_db()
    assert persona.live_version is not None
    return persona.live_version


def _publish(persona: Persona, **values: str) -> PersonaVersion:
    for name, value in values.items():
        setattr(persona, name, value)
    persona.save()
    return services.publish(persona)


def _texts() -> set[str]:
    return set(SpokenLine.objects.values_list("text", flat=True))


def test_publishing_and_going_back_have_the_lines_made_on_commit(
    sent: SentTasks, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    persona = make_persona(published=False)
    with django_capture_on_commit_callbacks(execute=True):
        first = services.publish(persona)
        second = services.publish(persona)
        assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        services.roll_back(first)

    assert sent == [("agents.speak_lines", version.pk) for version in (first, second, first)]


@pytest.mark.parametrize("error", [OperationalError("no broker"), RuntimeError("no idea")])
def test_a_supervisor_publishes_without_a_broker(
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def send_task(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(broker, "current_app", SimpleNamespace(send_task=send_task))
    persona = make_persona(published=False)
    with django_capture_on_commit_callbacks(execute=True):
        page = reverse("admin:agents_persona_publish_view", args=[persona.pk])
        response = client_of("Supervisors").post(page, {"note": ""})

    assert response.status_code == 302
    assert _live(persona).number == 1


@pytest.mark.parametrize("language", [Language.ENGLISH_US, Language.GERMAN, Language.FRENCH])
def test_a_voice_says_every_fixed_line_of_a_version_with_the_time_of_each_word(
    provider: Provider, language: Language
) -> None:
    texts = {"greeting": "Hello, this is Anna.", "goodbye": "Goodbye."}
    version = _publish(make_persona(published=False), **texts, language=language, stt_model="flux-general-multi")

    speech_thread.speak(version.pk)

    apologies = _before_a_transfer(PHRASES[language])
    assert _texts() == {*texts.values(), "Are you still there?", *apologies}
    assert fixed_lines.missing_texts(version) == []
    for line in SpokenLine.objects.all():
        starts = [start for _, start in line.words]
        assert " ".join(word for word, _ in line.words) == line.text
        assert starts == sorted(starts)
        assert 0 <= starts[0] < 300
        assert starts[-1] < len(line.pcm) / 2 / fixed_lines.SAMPLE_RATE * 1000
        assert any(bytes(line.pcm))


def test_what_a_voice_has_said_is_not_asked_for_again(provider: Provider) -> None:
    persona = make_persona(greeting="Hello.")
    speech_thread.speak(_live(persona).pk)
    assert provider.requests() == 7

    speech_thread.speak(_live(persona).pk)
    speech_thread.speak(_publish(persona, greeting="Good morning.").pk)

    assert provider.requests() == 8
    assert SpokenLine.objects.count() == 8


@pytest.mark.parametrize("field", ["voice_id", "tts_model", "language"])
def test_another_voice_says_the_lines_itself(provider: Provider, field: str) -> None:
    persona = make_persona()
    speech_thread.speak(_live(persona).pk)
    other = {"voice_id": "EXAVITQu4vr4xnSDxMaL", "tts_model": "eleven_multilingual_v2", "language": "en-GB"}[field]

    speech_thread.speak(_publish(persona, **{field: other}).pk)

    assert SpokenLine.objects.count() == 14


@pytest.mark.parametrize("kind", ["500", "429", "garbage", "no_audio", "refuse"])
def test_a_provider_that_fails_is_asked_again_later_and_nothing_wrong_is_kept(provider: Provider, kind: str) -> None:
    version = _live(make_persona())
    provider.fail(kind)
    with pytest.raises(fixed_lines.SpeechUnavailable):
        speech_thread.speak(version.pk)
    assert not SpokenLine.objects.exists()

    provider.recover()
    speech_thread.speak(version.pk)

    assert fixed_lines.missing_texts(version) == []


def test_one_line_that_fails_does_not_cost_the_others(provider: Provider) -> None:
    version = _live(make_persona(greeting="Hello."))
    provider.fail("500", count=1)

    with pytest.raises(fixed_lines.SpeechUnavailable, match="1 lines"):
        speech_thread.speak(version.pk)

    assert fixed_lines.missing_texts(version) == ["Hello."]


def test_a_provider_that_does_not_answer_is_not_asked_for_every_line(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ELEVENLABS_BASE_URL = "http://127.0.0.1:1"

    with pytest.raises(fixed_lines.SpeechUnavailable, match="ConnectError"):
        speech_thread.speak(_live(make_persona()).pk)

    assert caplog.text.count("line_not_made") == 1


@pytest.mark.parametrize(("tries", "again"), [(1, 2), (tasks.TRIES, None)])
def test_a_provider_that_does_not_answer_is_asked_again_some_times(
    monkeypatch: pytest.MonkeyPatch, tries: int, again: int | None
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(broker, "send_later", lambda *message: sent.append(message))
    monkeypatch.setattr(tasks._speech, "ask", lambda version_id, if_failed: if_failed())

    tasks.speak_lines(7, tries)

    assert sent == ([("agents.speak_lines", (7, again), tasks.AGAIN_S, tasks.log)] if again else [])


def test_versions_are_spoken_one_after_another_and_none_keeps_the_task_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_end, spoken, failed = threading.Event(), queue.Queue[int](), queue.Queue[int]()

    def speak(version_id: int) -> None:
        spoken.put(version_id)
        may_end.wait(10)
        if version_id == 2:
            raise fixed_lines.SpeechUnavailable("no answer")

    monkeypatch.setattr(speech_thread, "speak", speak)
    thread = speech_thread.SpeechThread()
    for version_id in (1, 2, 1, 2, 3):
        thread.ask(version_id, lambda version_id=version_id: failed.put(version_id))  # type: ignore[misc]

    assert spoken.get(timeout=10) == 1
    assert spoken.empty()
    may_end.set()
    assert [spoken.get(timeout=10) for _ in range(2)] == [2, 3]
    assert failed.get(timeout=10) == 2
    assert spoken.empty()


def test_a_version_that_is_gone_needs_no_lines() -> None:
    speech_thread.speak(0)


def test_lines_are_kept_while_a_live_version_says_them(provider: Provider) -> None:
    persona = make_persona(greeting="Before.", goodbye="Goodbye.")
    speech_thread.speak(_live(persona).pk)
    speech_thread.speak(_publish(persona, greeting="After.").pk)

    tasks.forget_lines()

    assert _texts() == {"After.", "Are you still there?", "Goodbye.", *APOLOGIES}


def test_lines_of_a_voice_that_nobody_has_any_more_are_forgotten(provider: Provider) -> None:
    persona = make_persona(voice_id="JBFqnCBsd6RMkjVDRZzb")
    speech_thread.speak(_live(persona).pk)
    _publish(persona, voice_id="EXAVITQu4vr4xnSDxMaL")

    assert fixed_lines.forget_unused() == 7
    assert fixed_lines.forget_unused() == 0


def test_a_supervisor_sees_what_was_said_and_how_long_it_is_but_cannot_change_it() -> None:
    line = SpokenLine.objects.create(
        **fixed_lines.voice_of(_live(make_persona())), text="Hello.", pcm=bytes(48_000), words=[["Hello.", 0]]
    )
    supervisor = client_of("Supervisors")

    page = supervisor.get(reverse("admin:agents_spokenline_changelist")).content.decode()
    detail = supervisor.get(reverse("admin:agents_spokenline_change", args=[line.pk]))

    assert "Hello." in page
    assert "1.5 s" in page
    assert detail.status_code == 200
    assert supervisor.get(reverse("admin:agents_spokenline_add")).status_code == 403
    assert client_of("Viewers").get(reverse("admin:agents_spokenline_changelist")).status_code == 403


def test_characters_become_words_with_the_time_of_their_first_character() -> None:
    starts = [0.0, 0.1, 0.2, 0.3, 0.4, 0.55]
    assert lines.words_of(" Hi  a", starts) == [("Hi", 100), ("a", 550)]


def test_characters_without_a_time_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        lines.words_of("Hi", [0.0])


def test_lines_are_asked_for_in_a_language_where_live_speech_is() -> None:
    assert ELEVENLABS_MODEL_LANGUAGES.keys() == lines.LANGUAGE_MODELS
