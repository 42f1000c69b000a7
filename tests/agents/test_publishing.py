"""Publishing a persona, rolling back, and comparing versions."""

import pytest
from django.core.exceptions import ValidationError

from agents import services
from agents.models import PersonaVersion
from tests.factories import make_persona, make_tool, make_user
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_publishing_numbers_the_versions_of_each_persona_from_one() -> None:
    first, second = make_persona(published=False), make_persona(published=False)

    numbers = [services.publish(first).number, services.publish(first).number, services.publish(second).number]

    assert numbers == [1, 2, 1]


def test_publishing_remembers_who_and_why() -> None:
    user = make_user()

    version = services.publish(make_persona(published=False), user, "Opening hours changed")

    version.refresh_from_db()
    assert (version.published_by, version.note) == (user, "Opening hours changed")


def test_a_published_version_is_a_copy_of_the_draft_and_its_tools() -> None:
    persona = make_persona(published=False, greeting="Good morning.", max_duration_s=90)
    make_tool(persona, "find_order")

    version = services.publish(persona)

    assert version.settings_values() == persona.settings_values()
    assert [(tool.name, tool.url) for tool in version.tools] == [("find_order", "https://example.com/orders")]


def test_an_edited_draft_reaches_callers_only_when_it_is_published() -> None:
    persona = make_persona(greeting="Before.")
    persona.greeting = "After."
    persona.save()
    make_tool(persona)
    persona.refresh_from_db()
    assert persona.live_version is not None
    assert (persona.live_version.greeting, persona.live_version.tools) == ("Before.", [])

    services.publish(persona)

    persona.refresh_from_db()
    assert persona.live_version.greeting == "After."
    assert [tool.name for tool in persona.live_version.tools] == ["find_order"]


def test_publishing_takes_the_stored_draft_not_the_stale_copy_in_memory() -> None:
    persona = make_persona(published=False)
    persona.greeting = "Never saved."

    assert services.publish(persona).greeting == "Hello, how can I help you?"


def test_a_version_cannot_be_saved_again() -> None:
    version = services.publish(make_persona(published=False))
    version.greeting = "Rewritten."

    with pytest.raises(ValidationError, match="cannot be changed"):
        version.save()

    version.refresh_from_db()
    assert version.greeting == "Hello, how can I help you?"


def test_a_draft_that_is_not_valid_is_not_published() -> None:
    persona = make_persona(greeting="Live.")
    live = persona.live_version
    persona.turn_policy = "smart_turn"
    persona.save()

    with pytest.raises(ValidationError) as raised:
        services.publish(persona)

    persona.refresh_from_db()
    assert "stt_model" in raised.value.message_dict
    assert (persona.live_version, persona.versions.count()) == (live, 1)


def test_a_tool_that_is_not_valid_stops_the_publishing_and_is_named() -> None:
    persona = make_persona(published=False)
    make_tool(persona, "find_order", url="http://example.com/orders")

    with pytest.raises(ValidationError, match="find_order.*https URL"):
        services.publish(persona)

    assert persona.versions.count() == 0


def test_rolling_back_restores_fields_and_tools_of_the_draft_and_for_callers() -> None:
    persona = make_persona(published=False, greeting="First.")
    make_tool(persona, "find_order", timeout_s=2.0)
    first = services.publish(persona)
    persona.greeting = "Second."
    persona.save()
    persona.tools.all().delete()
    make_tool(persona, "book_table")
    services.publish(persona)

    services.roll_back(first)

    persona.refresh_from_db()
    assert (persona.live_version, persona.greeting) == (first, "First.")
    assert [(tool.name, tool.timeout_s) for tool in persona.tools.all()] == [("find_order", 2.0)]
    assert persona.versions.count() == 2


def test_the_number_after_a_roll_back_is_new() -> None:
    persona = make_persona(published=False)
    first = services.publish(persona)
    services.publish(persona)
    services.roll_back(first)

    assert services.publish(persona).number == 3


def test_rolling_back_keeps_the_name_and_description() -> None:
    persona = make_persona("Front desk", published=False)
    first = services.publish(persona)
    persona.name, persona.description = "Reception", "Answers the main line"
    persona.save()

    services.roll_back(first)

    persona.refresh_from_db()
    assert (persona.name, persona.description) == ("Reception", "Answers the main line")


def test_comparing_names_the_fields_that_differ_as_the_form_does() -> None:
    persona = make_persona(published=False, greeting="First.", max_duration_s=60)
    before = services.publish(persona)
    persona.greeting, persona.max_duration_s = "Second.", 90
    persona.save()

    rows = services.compare(before, services.publish(persona))

    assert [(row.field, row.before, row.after) for row in rows] == [
        ("greeting", "First.", "Second."),
        ("maximum call length, in seconds", "60", "90"),
    ]


def test_comparing_shows_choices_by_their_label() -> None:
    persona = make_persona(published=False)
    before = services.publish(persona)
    persona.language = "en-GB"
    persona.save()

    [row] = services.compare(before, services.publish(persona))

    assert (row.before, row.after) == ("English (United States)", "English (United Kingdom)")


def test_comparing_shows_tools_that_came_went_and_changed() -> None:
    persona = make_persona(published=False)
    changed, gone = make_tool(persona, "changed"), make_tool(persona, "gone")
    make_tool(persona, "same")
    before = services.publish(persona)
    gone.delete()
    changed.timeout_s = 9.0
    changed.save()
    make_tool(persona, "new")

    rows = {row.field: row for row in services.compare(before, services.publish(persona))}

    assert list(rows) == ["tool changed", "tool gone", "tool new"]
    assert rows["tool new"].before == "none"
    assert rows["tool gone"].after == "none"
    assert "timeout_s: 5.0" in rows["tool changed"].before
    assert "timeout_s: 9.0" in rows["tool changed"].after


def test_equal_versions_do_not_differ() -> None:
    persona = make_persona(published=False)

    assert services.compare(services.publish(persona), services.publish(persona)) == []


@pytest.mark.django_db(transaction=True)
def test_publishing_from_several_threads_gives_each_its_own_number() -> None:
    persona = make_persona(published=False)

    versions = at_once(5, lambda _: services.publish(persona))

    persona.refresh_from_db()
    assert sorted(version.number or 0 for version in versions) == [1, 2, 3, 4, 5]
    assert persona.live_version == PersonaVersion.objects.get(number=5)
