"""Editing a persona, publishing it, and comparing its versions."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.models import Persona
from tests.pages.world import make_practice

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(persona: Persona) -> str:
    return f"/admin/agents/persona/{persona.pk}/change/"


def test_a_draft_is_reviewed_before_callers_hear_it(supervisor: User, page: Page) -> None:
    persona = make_practice()
    page.goto(page_of(persona))

    page.get_by_label("Greeting").fill("Bright Smile, good morning.")
    page.get_by_role("button", name="Save and publish").click()
    changed = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Greeting"))
    expect(changed).to_contain_text("Bright Smile, good morning.")
    page.get_by_label("Note").fill("A shorter greeting")
    page.get_by_role("button", name="Publish", exact=True).click()

    expect(page.get_by_text("Version 3 of Anna is live: the next caller hears it.")).to_be_visible()
    persona.refresh_from_db()
    assert persona.live_version is not None
    assert persona.live_version.greeting == "Bright Smile, good morning."


def test_two_versions_are_compared_word_by_word(supervisor: User, page: Page) -> None:
    persona = make_practice()
    page.goto(page_of(persona))

    page.get_by_role("link", name="Versions", exact=True).last.click()
    page.get_by_role("link", name="Anna v2").click()
    page.get_by_role("link", name="Compare").click()
    prompt = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Prompt"))

    expect(prompt.locator("del")).to_have_text(["bakery"])
    expect(prompt.locator("ins")).to_have_text(["dental practice"])
    expect(page.get_by_role("link", name="Roll back to version 1")).to_be_visible()


def test_the_player_follows_the_chosen_voice(administrator: User, page: Page) -> None:
    persona = make_practice()
    page.goto(page_of(persona))
    player = page.locator("[data-voice-player]")
    expect(player).to_have_attribute("src", re.compile("JBFqnCBsd6RMkjVDRZzb"))

    page.locator("[data-voice-select]").select_option("EXAVITQu4vr4xnSDxMaL")

    expect(player).to_have_attribute("src", re.compile("EXAVITQu4vr4xnSDxMaL"))


def test_the_voices_follow_the_chosen_provider(administrator: User, page: Page) -> None:
    persona = make_practice()
    page.goto(page_of(persona))
    voices = page.locator("[data-voice-select]")
    expect(voices).to_have_value("JBFqnCBsd6RMkjVDRZzb")

    provider = page.locator("select[name=tts_provider]")
    provider.select_option("cartesia")
    expect(page.get_by_text("Voices of Cartesia.")).to_be_visible()
    expect(voices).to_have_value("")

    provider.select_option("elevenlabs")
    expect(voices).to_have_value("JBFqnCBsd6RMkjVDRZzb")


def test_a_mistake_is_reported_at_its_field(administrator: User, page: Page) -> None:
    persona = make_practice()
    page.goto(page_of(persona))

    page.get_by_label("Greeting").fill("")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Write the first sentence of every call.")).to_be_visible()
