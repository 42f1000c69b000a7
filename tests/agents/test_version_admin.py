"""Published versions in the admin: compared, made live again, never edited."""

import html

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils.html import strip_tags
from pytest_django import Settings

from agents import services
from agents.admin.highlight import MOST_PAIRS, mark_words
from agents.models import Persona, PersonaSettings, PersonaVersion
from tests.factories import client_of, make_persona, make_tool

pytestmark = pytest.mark.django_db


def _two_versions() -> tuple[PersonaVersion, PersonaVersion]:
    persona = make_persona(greeting="Good morning.")
    Persona.objects.filter(pk=persona.pk).update(greeting="Good evening.")
    make_tool(persona)
    second = services.publish(persona)
    return persona.versions.get(number=1), second


def _url(view: str, version: PersonaVersion) -> str:
    return reverse(f"admin:agents_personaversion_{view}", args=[version.pk])


def test_two_versions_are_shown_side_by_side_with_what_differs_marked() -> None:
    first, second = _two_versions()
    page = client_of("Viewers").get(_url("compare_view", second), {"with": first.pk}).content.decode()
    assert "Good <del>morning</del>." in page
    assert "Good <ins>evening</ins>." in page
    assert "Tool find_order" in page
    assert "description: Finds an order by its number." in page
    assert '{"type": "object", "required": ["order"]' in html.unescape(strip_tags(page))


def test_without_a_choice_a_version_is_compared_with_the_one_before_it() -> None:
    first, second = _two_versions()
    response = client_of("Viewers").get(_url("compare_view", second))
    assert response.context["other"] == first


def test_an_only_version_has_nothing_to_be_compared_with() -> None:
    version = make_persona().versions.get()
    assert "is the only version" in client_of("Viewers").get(_url("compare_view", version)).content.decode()


def test_texts_are_escaped_where_they_differ_and_where_they_do_not() -> None:
    before, after = mark_words("<b>old</b> <i>", "<b>new</b> <i>")
    assert before == "&lt;b&gt;<del>old</del>&lt;/b&gt; &lt;i&gt;"
    assert after == "&lt;b&gt;<ins>new</ins>&lt;/b&gt; &lt;i&gt;"


def test_words_are_compared_within_lines_and_blanks_and_line_ends_are_kept() -> None:
    before, after = mark_words("  One, two.\nThree four.\n", "  One, two.\nThree five.\nSix.")
    assert before == "  One, two.\nThree <del>four</del>.\n"
    assert after == "  One, two.\nThree <ins>five</ins>.\n<ins>Six.</ins>"


def test_lines_with_too_many_equal_words_to_compare_are_marked_whole() -> None:
    many = int(MOST_PAIRS**0.5) + 1
    before, after = mark_words("Same.\n" + "a " * many, "Same.\n" + "a " * many + "b")
    assert before == "Same.\n<del>" + "a " * many + "</del>"
    assert after == "Same.\n<ins>" + "a " * many + "b</ins>"


def test_texts_with_too_many_equal_lines_to_compare_are_marked_whole() -> None:
    many = "a\n" * (int(MOST_PAIRS**0.5) + 1)
    assert mark_words(many, many + "b") == (f"<del>{many}</del>", f"<ins>{many}b</ins>")


def test_comparing_offers_to_roll_back_to_the_version_that_is_not_live() -> None:
    first, second = _two_versions()
    page = client_of("Supervisors").get(_url("compare_view", second)).content.decode()
    assert _url("roll_back_view", first) in page
    assert _url("roll_back_view", second) not in page
    assert _url("roll_back_view", first) not in client_of("Viewers").get(_url("compare_view", second)).content.decode()


def test_a_roll_back_is_in_the_audit_log() -> None:
    first, _ = _two_versions()
    client_of("Supervisors", username="sofia").post(_url("roll_back_view", first))
    entry = AuditEntry.objects.get_for_object(first.persona).latest("timestamp")
    assert str(entry.actor) == "sofia"
    assert "live_version" in entry.changes_dict
    assert LogEntry.objects.latest("action_time").change_message == "Rolled back to version 1."


def test_no_two_fields_of_a_comparison_have_the_same_name() -> None:
    labels = [str(field.verbose_name) for field in PersonaSettings._meta.fields]
    assert len(set(labels)) == len(labels)


def test_rolling_back_asks_first_and_then_makes_version_and_draft_the_old_ones() -> None:
    first, second = _two_versions()
    client = client_of("Supervisors")
    assert "Callers hear version 1 again" in client.get(_url("roll_back_view", first)).content.decode()
    persona = Persona.objects.get(pk=first.persona_id)
    assert persona.live_version == second
    client.post(_url("roll_back_view", first))
    persona.refresh_from_db()
    assert persona.live_version == first
    assert persona.greeting == "Good morning."
    assert not persona.tools.exists()


def test_who_rolls_back_to_a_provider_without_a_key_is_told_so(settings: Settings) -> None:
    first, second = _two_versions()
    settings.DEEPGRAM_API_KEY = ""
    page = client_of("Supervisors").post(_url("roll_back_view", first), follow=True).content.decode()
    assert "Deepgram has no key: set DEEPGRAM_API_KEY" in page
    assert Persona.objects.get(pk=first.persona_id).live_version == second


def test_rolling_back_warns_of_changes_that_were_never_published() -> None:
    first, _ = _two_versions()
    Persona.objects.filter(pk=first.persona_id).update(goodbye="So long.")
    page = client_of("Supervisors").get(_url("roll_back_view", first)).content.decode()
    assert "unpublished changes will be lost" in page
    assert "<strong>goodbye</strong>" in page


def test_a_viewer_cannot_roll_back() -> None:
    first, second = _two_versions()
    assert client_of("Viewers").post(_url("roll_back_view", first)).status_code == 403
    assert Persona.objects.get(pk=first.persona_id).live_version == second


def test_nobody_can_edit_add_or_delete_a_version() -> None:
    _, version = _two_versions()
    client = client_of(superuser=True)
    assert client.get(_url("change", version)).status_code == 200
    assert client.post(_url("change", version), {"note": "mine"}).status_code == 403
    assert client.post(_url("delete", version), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:agents_personaversion_add")).status_code == 403
    assert client.get(reverse("admin:agents_personaversion_changelist")).status_code == 200
