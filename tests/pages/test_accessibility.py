"""Pages look right, and can be read by everybody: light and dark, on a desk and on a telephone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from tests.pages.browser.looking import DESKTOP, TELEPHONE, faults
from tests.pages.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

CALLS, NUMBERS, PERSONAS = "/admin/calls/call/", "/admin/calls/phonenumber/", "/admin/agents/persona/"
HOURS = "/admin/calls/openinghours/"
VERSIONS = "/admin/agents/personaversion/"
PATHS = {
    "dashboard": "/admin/",
    "calls": CALLS,
    "call": CALLS + "{ended}/change/",
    "live call": CALLS + "{live}/change/",
    "hang up": CALLS + "{live}/hang-up/",
    "too many words": CALLS + "?q=a+b+c+d+e+f+g+h+i",
    "personas": PERSONAS,
    "persona": PERSONAS + "{persona}/change/",
    "publish": PERSONAS + "{persona}/publish/",
    "versions": VERSIONS,
    "version": VERSIONS + "{version}/change/",
    "compare": VERSIONS + "{version}/compare/",
    "numbers": NUMBERS,
    "number": NUMBERS + "{number}/change/",
    "opening hours": HOURS,
    "hours": HOURS + "{hours}/change/",
    "new hours": HOURS + "add/",
    "desk": "/desk/",
    "talk": "/desk/talk/?persona={persona}",
    "erasure": "/admin/calls/erasure/erase/",
}
# What people have open all day; the others are for the long matrix.
MOST_USED = {"dashboard", "calls", "call", "persona", "publish", "compare", "numbers", "desk", "talk"}


def filled(path: str, world: World) -> str:
    """The path with ids."""
    version = world.persona.live_version_id
    ids = {"ended": world.ended.pk, "live": world.live.pk, "persona": world.persona.pk, "number": world.number.pk}
    return path.format(version=version, hours=world.hours.pk, **ids)


@pytest.mark.parametrize(
    "name", [name if name in MOST_USED else pytest.param(name, marks=pytest.mark.long) for name in PATHS]
)
def test_a_page_has_no_serious_fault(administrator: User, page: Page, name: str) -> None:
    path = filled(PATHS[name], make_world())

    assert [*faults(page, path, "light", DESKTOP), *faults(page, path, "dark", TELEPHONE)] == []


def test_the_login_page_has_no_serious_fault(page: Page) -> None:
    path = "/admin/login/"

    assert [*faults(page, path, "light", DESKTOP), *faults(page, path, "dark", TELEPHONE)] == []
