"""No page offers a link to what its reader may not open, and who opens such a page anyway is told so."""

from collections import deque
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from tests.factories import client_of, make_call
from tests.security.world import make_world

pytestmark = pytest.mark.django_db


class Links(HTMLParser):
    """Collects the paths that a page links to, without their queries."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page = page
        self.paths: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") or ""
        url = urlsplit(urljoin(self._page, target))
        if tag == "a" and not url.netloc and url.path and not url.path.startswith("/static/"):
            self.paths.add(url.path)


def _refused(client: Client) -> tuple[set[str], int]:
    """The links that lead to no page, as `page → link: status`, and how many pages were opened."""
    waiting, seen, wrong, pages = deque([("", "/admin/")]), {"/admin/"}, set(), 0
    while waiting:
        page, path = waiting.popleft()
        response = client.get(path)
        if response.status_code not in (200, 302):
            wrong.add(f"{page} → {path}: {response.status_code}")
        if response.status_code != 200 or not response.headers["Content-Type"].startswith("text/html"):
            continue
        pages += 1
        links = Links(path)
        links.feed(response.content.decode())
        waiting.extend((path, found) for found in sorted(links.paths - seen))
        seen |= links.paths
    return wrong, pages


@pytest.mark.parametrize(
    ("group", "at_least"), [("Supervisors", 25), ("Viewers", 12), ("", 1)], ids=["supervisor", "viewer", "no group"]
)
def test_every_link_that_somebody_sees_may_be_opened(group: str, at_least: int) -> None:
    make_world()
    make_call()
    wrong, pages = _refused(client_of(group))
    assert wrong == set()
    assert pages >= at_least


def test_who_may_not_open_a_page_reads_why_and_what_to_do() -> None:
    answer = client_of("Supervisors").get("/admin/calls/erasure/")
    assert answer.status_code == 403
    assert "An administrator can grant it to you or your group." in answer.content.decode()
