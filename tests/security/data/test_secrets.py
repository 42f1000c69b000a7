"""Tools' secrets: encrypted in the database, shown by nobody, bound to a host, and encrypted anew with another key."""

from io import StringIO

import pytest
from auditlog.models import LogEntry
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from agents import services
from agents.models import ToolSecret
from agents.tools import encryption, tool_secrets
from tests.factories import client_of, make_persona, make_tool
from tests.security.world import TOOL_SECRET, make_secret

pytestmark = pytest.mark.django_db

OLD, NEW = "old-key-8Zr3vY1m0Xc7Kp5TnWb2LsHd9Gf", "new-key-4Eu6RiOyQzVxBtCwNkMgPhSlDjFe"
ADD = "/admin/agents/toolsecret/add/"


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM agents_toolsecret")
        return str(cursor.fetchone()[0])


def test_secrets_in_the_database_are_encrypted() -> None:
    make_secret()

    assert TOOL_SECRET not in stored()
    assert tool_secrets.reveal("order_service", "orders.example.com") == TOOL_SECRET


def test_nothing_is_stored_that_is_not_encrypted() -> None:
    with pytest.raises(ValueError, match="value is not encrypted"):
        ToolSecret.objects.create(name="order_service", host="orders.example.com", value=TOOL_SECRET)


def test_a_secret_is_for_its_host_only() -> None:
    secret = make_secret()

    with pytest.raises(ToolSecret.DoesNotExist):
        tool_secrets.reveal(secret.name, "evil.example.com")
    tool = make_tool(make_persona(published=False), url="https://evil.example.com/", secret=secret)
    with pytest.raises(ValidationError, match="is for orders.example.com only"):
        tool.full_clean()


def test_a_supervisor_cannot_publish_a_tool_that_sends_it_elsewhere() -> None:
    persona = make_persona(published=False)
    make_tool(persona, url="https://evil.example.com/", secret=make_secret())

    with pytest.raises(ValidationError, match="is for orders.example.com only"):
        services.publish(persona)


def test_versions_drafts_and_the_log_know_its_name_only() -> None:
    persona = make_persona(published=False)
    make_tool(persona, url="https://orders.example.com/find", secret=make_secret())
    version = services.publish(persona)

    assert version.tools[0].secret == "order_service"
    assert TOOL_SECRET not in str(version.tools_json)
    services.roll_back(version)
    assert persona.tools.get().secret == ToolSecret.objects.get()
    assert stored() not in str(list(LogEntry.objects.values_list("changes", "object_repr")))


def test_the_admin_takes_a_secret_and_never_gives_it_back() -> None:
    client = client_of(superuser=True)
    form = {"name": "order_service", "host": "orders.example.com", "text": TOOL_SECRET}

    assert client.post(ADD, form).status_code == 302
    page = f"/admin/agents/toolsecret/{ToolSecret.objects.get().pk}/change/"
    for path in (page, "/admin/agents/toolsecret/", "/admin/auditlog/logentry/"):
        shown = client.get(path).content.decode()
        assert TOOL_SECRET not in shown
        assert stored() not in shown
    wrong = client.post(ADD, {**form, "name": "Other Name"}).content.decode()
    assert TOOL_SECRET not in wrong


def test_a_host_is_changed_only_by_who_knows_the_secret() -> None:
    client = client_of(superuser=True)
    page = f"/admin/agents/toolsecret/{make_secret().pk}/change/"

    client.post(page, {"host": "evil.example.com", "text": ""})

    assert ToolSecret.objects.get().host == "orders.example.com"


@pytest.mark.parametrize("group", ["Viewers", "Supervisors"])
def test_only_administrators_see_the_list(group: str) -> None:
    assert client_of(group).get("/admin/agents/toolsecret/").status_code == 403


def test_a_secret_that_a_version_needs_is_not_deleted() -> None:
    secret = make_secret()
    persona = make_persona(published=False)
    make_tool(persona, url="https://orders.example.com/find", secret=secret)
    services.publish(persona)
    persona.tools.all().delete()

    assert (
        client_of(superuser=True).post(f"/admin/agents/toolsecret/{secret.pk}/delete/", {"post": "yes"}).status_code
        == 403
    )
    assert ToolSecret.objects.exists()


def test_rotation_encrypts_with_the_new_key_and_no_longer_needs_the_old_one(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    make_secret()
    before = stored()

    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    assert out.getvalue().startswith("1 secrets")
    assert stored() != before
    assert tool_secrets.reveal("order_service", "orders.example.com") == TOOL_SECRET


def test_rotation_without_the_old_key_changes_nothing(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    make_secret()
    before = stored()

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match="Nothing was changed. No key in FIELD_ENCRYPTION_KEYS"):
        call_command("rotate_secrets")

    assert stored() == before


def test_without_a_key_nothing_is_kept(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS is not set"):
        encryption.encrypt("x")
    form = {"name": "order_service", "host": "orders.example.com", "text": TOOL_SECRET}
    answer = client_of(superuser=True).post(ADD, form)
    assert "FIELD_ENCRYPTION_KEYS is not set" in answer.content.decode()
    assert not ToolSecret.objects.exists()
