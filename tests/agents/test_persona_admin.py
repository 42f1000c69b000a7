"""What a supervisor does with a persona in the admin."""

import html
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client, RequestFactory
from django.urls import reverse

from agents import services
from agents.admin.persona import PersonaAdmin
from agents.models import Persona
from tests.factories import client_of, make_persona, make_tool, make_user

pytestmark = pytest.mark.django_db

ADD = "/admin/agents/persona/add/"


def _change_url(persona: Persona) -> str:
    return reverse("admin:agents_persona_change", args=[persona.pk])


def _publish_url(persona: Persona) -> str:
    return reverse("admin:agents_persona_publish_view", args=[persona.pk])


def _form(persona: Persona, **values: Any) -> dict[str, Any]:
    """The form as the page would send it, without tools."""
    fields = {**persona.settings_values(), "name": persona.name, "description": persona.description}
    management = {"tools-TOTAL_FORMS": 0, "tools-INITIAL_FORMS": 0}
    return {**fields, **management, **values}


def test_publishing_from_the_page_makes_the_draft_live_with_note_and_author() -> None:
    persona = make_persona(greeting="Good morning.")
    Persona.objects.filter(pk=persona.pk).update(greeting="Good evening.")
    client = client_of("Supervisors", username="sofia")
    page = client.get(_publish_url(persona)).content.decode()
    assert "<del>morning</del>" in page
    assert "<ins>evening</ins>" in page
    client.post(_publish_url(persona), {"note": "Evening shift"})
    persona.refresh_from_db()
    assert persona.live_version is not None
    assert (persona.live_version.number, persona.live_version.note) == (2, "Evening shift")
    assert persona.live_version.greeting == "Good evening."
    assert str(persona.live_version.published_by) == "sofia"
    assert LogEntry.objects.get().change_message == "Published version 2."


def test_opening_the_publish_page_publishes_nothing() -> None:
    persona = make_persona(published=False)
    client_of("Supervisors").get(_publish_url(persona))
    assert not persona.versions.exists()


def test_a_draft_that_is_not_valid_is_not_published_and_the_page_says_which_field() -> None:
    persona = make_persona(published=False)
    Persona.objects.filter(pk=persona.pk).update(stt_model="nova-3-general")
    response = client_of("Supervisors").post(_publish_url(persona), {"note": ""})
    page = response.content.decode()
    assert "Not published. Speech to text model: The fast turn policy needs a different model" in page
    assert not persona.versions.exists()


def test_a_note_that_is_too_long_is_refused_in_one_line() -> None:
    persona = make_persona(published=False)
    response = client_of("Supervisors").post(_publish_url(persona), {"note": "x" * 301})
    assert "Note: write at most 300 characters." in response.content.decode()
    assert not persona.versions.exists()


def test_the_page_says_that_the_draft_differs_from_the_live_version() -> None:
    persona = make_persona()
    client = client_of("Supervisors")
    assert "draft differs from live version" not in client.get(_change_url(persona)).content.decode()
    make_tool(persona)
    page = client.get(_change_url(persona)).content.decode()
    assert "draft differs from live version" in page
    assert "<strong>tool find_order</strong>" in page


def test_save_and_publish_continues_to_the_publish_page() -> None:
    persona = make_persona()
    form = _form(persona, greeting="Hi.", agents_persona_save_and_publish="")
    response = client_of("Supervisors").post(_change_url(persona), form)
    assert response.headers["Location"] == _publish_url(persona)
    persona.refresh_from_db()
    assert persona.greeting == "Hi."
    assert persona.live_version is not None
    assert persona.live_version.greeting != "Hi."


def _new(**values: Any) -> dict[str, Any]:
    """The page's form for a persona that is not there yet."""
    settings = {"name": "Ben", "prompt": "You answer the phone.", "voice_id": "JBFqnCBsd6RMkjVDRZzb"}
    return _form(Persona(**settings), **values)


def test_a_new_persona_can_be_saved_and_published_in_one_go() -> None:
    client = client_of("Supervisors")
    assert 'name="agents_persona_save_and_publish"' in client.get(ADD).content.decode()
    response = client.post(ADD, _new(agents_persona_save_and_publish=""))
    persona = Persona.objects.get(name="Ben")
    assert response.headers["Location"] == _publish_url(persona)
    client.post(_publish_url(persona), {"note": ""})
    persona.refresh_from_db()
    assert persona.live_version is not None


def test_who_may_not_publish_is_not_offered_to_save_and_publish() -> None:
    user = make_user("paula", "agents.add_persona", "agents.view_persona", is_staff=True)
    client = Client()
    client.force_login(user)
    assert 'name="agents_persona_save_and_publish"' not in client.get(ADD).content.decode()
    answer = client.post(ADD, _new(agents_persona_save_and_publish=""))
    assert answer.status_code == 302
    assert "publish" not in answer.headers["Location"]


def test_who_saves_a_persona_that_was_never_published_is_told_that_it_is_not_live() -> None:
    client = client_of("Supervisors")
    page = client.post(ADD, _new(), follow=True).content.decode()
    assert "Ben is not live yet: its numbers reject calls until it is published." in page
    persona = Persona.objects.get(name="Ben")
    assert "not live yet" in client.get(_change_url(persona)).content.decode()
    services.publish(persona)
    persona.refresh_from_db()
    page = client.post(_change_url(persona), _form(persona, greeting="Hi."), follow=True).content.decode()
    assert "not live yet" not in page


def test_saving_the_draft_leaves_a_version_that_was_published_meanwhile() -> None:
    persona = make_persona()
    stale = Persona.objects.get(pk=persona.pk)
    second = services.publish(persona)
    stale.greeting = "Hi."
    form = SimpleNamespace(changed_data=["greeting"])
    PersonaAdmin(Persona, admin.site).save_model(RequestFactory().post("/"), stale, form, change=True)
    persona.refresh_from_db()
    assert (persona.greeting, persona.live_version) == ("Hi.", second)


def test_a_mistake_is_explained_next_to_its_field() -> None:
    persona = make_persona()
    form = _form(persona, stt_model="nova-3-general", voice_id="gone", prompt="")
    page = client_of("Supervisors").post(_change_url(persona), form).content.decode()
    assert "Choose a voice of ElevenLabs from the list." in page
    assert "Tell the agent who it is and what it knows" in page


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{oops", "This is not JSON: check quotes, commas and brackets."),
        ('{"type": "object", "minProperties": NaN}', "This is not JSON"),
        ('{"type": "object", "minProperties": ' + "9" * 5000 + "}", "This is not JSON"),
        ('{"type": "object", "description": "\\u0000"}', "contains an invalid character"),
        ('{"type": "object", "description": "\\ud800"}', "contains an invalid character"),
        ('{"type": "object", "items": ' * 40 + "{}" + "}" * 40, "nested more than 32 levels deep"),
        ('{"items": ' * 3000 + "{}" + "}" * 3000, "This is not JSON"),
        ("[" * 100_000, "This is not JSON"),
        ('{"type": "object", "properties": {"order": {"$ref": "#"}}}', "properties.order.$ref is not supported"),
        ('{"type": "object", "properties": {"order": {"pattern": "(?=a)"}}}', "cannot be matched in linear time"),
    ],
    ids=["oops", "nan", "digits", "nul", "surrogate", "40 levels", "3,000 levels", "brackets", "reference", "pattern"],
)
def test_a_tool_whose_arguments_cannot_work_is_explained(parameters: str, message: str) -> None:
    persona = make_persona()
    tool = {
        "name": "find_order",
        "description": "Finds an order.",
        "url": "https://example.com/orders",
        "timeout_s": "5",
        "parameters": parameters,
    }
    tools = {f"tools-0-{name}": value for name, value in tool.items()}
    form = _form(persona, **{"tools-TOTAL_FORMS": 1, "tools-0-id": "", "tools-0-persona": persona.pk}, **tools)

    page = client_of("Supervisors").post(_change_url(persona), form).content.decode()
    assert message in html.unescape(page)
    assert not persona.tools.exists()


def test_the_list_of_personas_takes_as_many_queries_for_many_as_for_few(django_assert_max_num_queries: Any) -> None:
    client = client_of("Supervisors")
    url = reverse("admin:agents_persona_changelist")
    for _ in range(6):
        make_tool(make_persona())
    with django_assert_max_num_queries(10):
        assert client.get(url).status_code == 200


def test_a_viewer_reads_personas_but_cannot_edit_or_publish() -> None:
    persona = make_persona()
    client = client_of("Viewers")
    assert client.get(_change_url(persona)).status_code == 200
    assert client.post(_change_url(persona), _form(persona, greeting="Mine.")).status_code == 403
    assert client.get(_publish_url(persona)).status_code == 403
    assert client.post(_publish_url(persona)).status_code == 403
    assert persona.versions.count() == 1


@pytest.mark.parametrize(
    "page", ["persona/7/publish", "persona/x/publish", "persona/x/versions", "personaversion/x/compare"]
)
def test_a_page_about_nothing_is_not_found(page: str) -> None:
    assert client_of("Supervisors").get(f"/admin/agents/{page}/").status_code == 404


def test_a_stranger_is_sent_to_the_login() -> None:
    response = Client().get(_publish_url(make_persona()))
    assert response.status_code == 302
    assert "/admin/login/" in response.headers["Location"]


def test_a_published_persona_cannot_be_deleted_with_its_history() -> None:
    persona = make_persona()
    client = client_of(superuser=True)
    client.post(reverse("admin:agents_persona_delete", args=[persona.pk]), {"post": "yes"})
    assert services.publish(persona).number == 2


def test_fallbacks_are_typed_one_a_line_and_a_line_that_cannot_work_is_named() -> None:
    persona = make_persona()
    browser = client_of("Supervisors")
    typed = "anthropic claude-haiku-4-5\r\n\r\nopenai gpt-4o-mini\r\n"
    browser.post(_change_url(persona), _form(persona, llm_fallbacks=typed, tts_fallbacks="cartesia sonic-3 katie"))

    persona.refresh_from_db()
    assert persona.llm_fallbacks == [
        {"provider": "anthropic", "model": "claude-haiku-4-5"},
        {"provider": "openai", "model": "gpt-4o-mini"},
    ]
    assert persona.tts_fallbacks == [{"provider": "cartesia", "model": "sonic-3", "voice_id": "katie"}]

    assert "such as cartesia sonic-3 &lt;voice id&gt;." in browser.get(_change_url(persona)).content.decode()

    wrong = {"llm_fallbacks": "anthropic", "tts_fallbacks": "elevenlabs eleven_v3\ncartesia sonic-3"}
    page = browser.post(_change_url(persona), _form(persona, **wrong)).content.decode()
    assert "Line 1: write a provider and a model, such as “anthropic claude-haiku-4-5”." in page
    assert "Line 2: Name a voice of Cartesia after the model: “cartesia sonic-3 &lt;voice id&gt;”." in page
    assert "elevenlabs eleven_v3\ncartesia sonic-3</textarea>" in page
