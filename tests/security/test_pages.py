"""What a browser is told about a page: no script in it, none from elsewhere, no frame around it."""

from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from callcenter.http.headers import add_headers
from tests.factories import client_of
from tests.security.urls import filled, routes
from tests.security.world import make_world

pytestmark = pytest.mark.django_db


class Scripts(HTMLParser):
    """Collects what a Content-Security-Policy without inline script does not run."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        kind = values.get("type") or ""
        if tag == "script" and "src" not in values and kind not in ("application/json", "text/template"):
            self.inline.append(f"<script> {attrs}")
        self.inline += [f"{name}={value}" for name, value in attrs if name.startswith("on")]
        self.inline += [f"{name}={value}" for name, value in attrs if (value or "").startswith("javascript:")]
        source = (values.get("src") or "") if tag == "script" else ""
        if source.startswith(("http:", "https:", "//")):
            self.elsewhere.append(source)


@pytest.mark.long  # every page; the browser's tests fail on such a script, too
def test_no_page_has_an_inline_script_or_one_from_elsewhere() -> None:
    world = make_world()
    pages = 0
    for path in (filled(route, world.rows) for route in routes()):
        response = client_of(superuser=True).get(path)
        if response.status_code != 200 or not response.headers["Content-Type"].startswith("text/html"):
            continue
        scripts = Scripts()
        scripts.feed(response.content.decode())
        assert (scripts.inline, scripts.elsewhere) == ([], []), path
        pages += 1
    assert pages > 40


def test_every_answer_tells_the_browser_what_it_may_run() -> None:
    for path in ("/admin/login/", "/admin/", "/api/calls/", "/api/docs/"):
        headers = Client().get(path).headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
        assert policy["script-src"] == "'self' 'unsafe-eval'"
        assert policy["script-src-attr"] == policy["object-src"] == policy["frame-ancestors"] == "'none'"
        assert policy["default-src"] == policy["form-action"] == "'self'"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert {"microphone=()", "camera=()", "geolocation=()"} <= set(headers["Permissions-Policy"].split(", "))


def test_no_answer_about_calls_is_kept_in_a_cache() -> None:
    world = make_world()
    client = client_of(superuser=True)
    for path in (filled(route, world.rows) for route in routes()):
        if path.startswith(("/admin/calls/", "/api/", "/stats", "/admin/auditlog/")):
            assert "no-store" in client.get(path).headers["Cache-Control"], path


def test_static_files_may_be_kept() -> None:
    headers = Client().get("/static/callcenter/favicon.svg").headers

    assert "no-store" not in headers["Cache-Control"]
    assert "microphone=()" in headers["Permissions-Policy"]


def test_a_page_that_needs_the_microphone_says_so_itself() -> None:
    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Permissions-Policy": "microphone=(self)"})

    answer = add_headers(page)(RequestFactory().get("/"))

    assert answer.headers["Permissions-Policy"] == "microphone=(self)"
    assert answer.headers["Cache-Control"] == "no-store"


def test_sound_comes_from_the_site_itself() -> None:
    """Voices, too: a browser may be unable to reach the provider, as in containers."""
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["media-src"] == ["'self'"]


def test_the_browser_finds_the_icon_that_a_page_names() -> None:
    page = Client().get("/admin/login/").content.decode()
    assert '<link rel="icon" href="/static/callcenter/favicon.svg"' in page
    assert finders.find("callcenter/favicon.svg")
