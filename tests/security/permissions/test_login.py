"""Logging in: passwords that are guessed, one-time codes, recovery codes, and enrolling a device."""

import time
from base64 import b64encode
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from access import devices
from access.throttling import LoginThrottle
from tests.factories import client_of, make_user

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def with_codes(settings: Settings) -> None:
    settings.ADMIN_REQUIRES_OTP = True


@pytest.fixture
def anna() -> User:
    return make_user("anna", is_staff=True, is_superuser=True, password=PASSWORD)


def log_in(client: Client, password: str = PASSWORD, code: str = "", *, username: str = "anna") -> str:
    """Post the form, and say where it leads; else what it says."""
    response = client.post("/admin/login/", {"username": username, "password": password, "otp_token": code})
    if response.status_code == 302:
        return response.headers["Location"]
    context = response.context
    return " ".join(context["form"].non_field_errors()) if context else response.content.decode()


def code_of(device: TOTPDevice, *, steps: int = 0) -> str:
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06}"


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_without_the_setting_a_password_is_enough(anna: User) -> None:
    client = Client()

    assert "otp_token" not in client.get("/admin/login/").content.decode()
    assert log_in(client) == "/admin/"
    assert is_in(client)


@pytest.mark.usefixtures("with_codes")
def test_a_password_alone_opens_nothing(anna: User) -> None:
    client = Client()

    assert "otp_token" in client.get("/admin/login/").content.decode()
    assert "no device" in log_in(client)
    devices.enrol(anna)
    assert "Enter the one-time code" in log_in(client)
    assert not is_in(client)


@pytest.mark.usefixtures("with_codes")
def test_a_session_without_a_code_is_a_strangers(anna: User) -> None:
    client = Client()
    client.force_login(anna)

    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"


@pytest.mark.usefixtures("with_codes")
def test_a_code_opens_the_admin_once(anna: User) -> None:
    device, _ = devices.enrol(anna)
    code = code_of(device)
    client = Client()

    assert log_in(client, code=code) == "/admin/"
    assert is_in(client)
    assert "wrong or has already been used" in log_in(Client(), code=code)


@pytest.mark.usefixtures("with_codes")
def test_somebody_elses_code_opens_nothing(anna: User) -> None:
    devices.enrol(anna)
    other, _ = devices.enrol(make_user("otto", is_staff=True))

    assert "wrong or has already been used" in log_in(Client(), code=code_of(other))


@pytest.mark.usefixtures("with_codes")
def test_wrong_codes_make_the_device_wait(anna: User) -> None:
    device, _ = devices.enrol(anna)
    wrong = f"{(int(code_of(device)) + 500_000) % 1_000_000:06}"

    log_in(Client(), code=wrong)
    device.refresh_from_db()

    assert device.throttling_failure_count == 1
    TOTPDevice.objects.update(throttling_failure_count=10)  # each doubles the wait: 512 s, whatever the machine's speed
    assert "wrong or has already been used" in log_in(Client(), code=code_of(device))


@pytest.mark.usefixtures("with_codes")
def test_a_recovery_code_is_good_for_one_login(anna: User) -> None:
    _, codes = devices.enrol(anna)
    client = Client()

    assert log_in(client, code=codes[0]) == "/admin/"
    assert is_in(client)
    assert "wrong or has already been used" in log_in(Client(), code=codes[0])
    assert StaticToken.objects.count() == devices.RECOVERY_CODES - 1


@pytest.mark.usefixtures("with_codes")
def test_a_device_that_is_taken_away_ends_the_session(anna: User) -> None:
    device, _ = devices.enrol(anna)
    client = Client()
    log_in(client, code=code_of(device))

    device.delete()

    assert not is_in(client)


@pytest.mark.usefixtures("with_codes")
def test_the_first_device_is_enrolled_on_the_server(anna: User) -> None:
    out = StringIO()
    call_command("enrol_device", "anna", stdout=out)
    device = TOTPDevice.objects.get(user=anna)

    assert device.config_url in out.getvalue()
    assert "▀" in out.getvalue()
    assert log_in(Client(), code=code_of(device)) == "/admin/"
    with pytest.raises(CommandError, match="already has a device"):
        call_command("enrol_device", "anna")
    call_command("enrol_device", "anna", "--replace", stdout=StringIO())
    assert TOTPDevice.objects.get(user=anna).key != device.key
    with pytest.raises(CommandError, match="no user nobody"):
        call_command("enrol_device", "nobody")


def test_the_admin_shows_a_qr_code_until_the_device_was_used(anna: User) -> None:
    client = client_of(superuser=True)

    page = client.post("/admin/otp_totp/totpdevice/add/", {"user": anna.pk, "name": "Phone"}, follow=True)
    device = TOTPDevice.objects.get(user=anna)
    address = f"/admin/otp_totp/totpdevice/{device.pk}/change/"
    shown = page.content.decode()
    device.verify_token(code_of(device))
    used = client.get(address).content.decode()

    assert "<svg" in shown.partition("cc-qr")[2][:100]
    assert "cc-qr" not in used
    for text in (shown, used):
        assert device.key not in text
    assert client_of("Supervisors").get(address).status_code == 403


def test_five_wrong_passwords_close_the_name_for_the_address_only(anna: User) -> None:
    for _ in range(5):
        log_in(Client(), "wrong")

    refused = Client().post("/admin/login/", {"username": "anna", "password": PASSWORD})
    elsewhere = Client(REMOTE_ADDR="192.0.2.7").post("/admin/login/", {"username": "anna", "password": PASSWORD})

    assert refused.status_code in {403, 429}
    assert elsewhere.status_code == 302


def test_five_wrong_passwords_close_the_name_for_all_addresses_of_an_ipv6_network(anna: User) -> None:
    for number in range(5):
        log_in(Client(REMOTE_ADDR=f"2001:db8:1:2::{number + 1}"), "wrong")

    def status(address: str) -> int:
        answer = Client(REMOTE_ADDR=address).post("/admin/login/", {"username": "anna", "password": PASSWORD})
        return answer.status_code

    assert status("2001:db8:1:2:ffff::1") in {403, 429}
    assert status("2001:db8:1:3::1") == 302


def test_a_header_does_not_make_another_address_of_it(anna: User) -> None:
    for number in range(5):
        client = Client(headers={"X-Forwarded-For": f"192.0.2.{number}"})
        client.post("/admin/login/", {"username": "anna", "password": "wrong"})

    client = Client(headers={"X-Forwarded-For": "192.0.2.99"})
    assert client.post("/admin/login/", {"username": "anna", "password": PASSWORD}).status_code in {403, 429}


def test_logins_of_one_address_are_limited_whatever_the_name(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoginThrottle, "rate", "3/min", raising=False)
    for number in range(3):
        log_in(Client(), "wrong", username=f"somebody{number}")

    assert "Too many login attempts" in log_in(Client())


def basic(username: str, password: str, **environment: str) -> "_MonkeyPatchedWSGIResponse":
    """Ask the API with a password."""
    credentials = b64encode(f"{username}:{password}".encode()).decode()
    return Client(**environment).get("/api/calls/", headers={"Authorization": f"Basic {credentials}"})  # type: ignore[arg-type]


def test_a_password_for_the_api_is_counted_too(anna: User) -> None:
    assert basic("anna", PASSWORD).status_code == 200
    for _ in range(5):
        basic("anna", "wrong")
    assert basic("anna", PASSWORD).status_code == 401
    assert basic("anna", PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_passwords_for_the_api_count_for_their_address_whatever_the_name(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginThrottle, "rate", "3/min", raising=False)

    right = [basic("anna", PASSWORD).status_code for _ in range(5)]
    wrong = [basic(f"somebody{number}", "wrong").status_code for number in range(3)]
    refused = basic("anna", PASSWORD)

    assert (right, wrong) == ([200] * 5, [401] * 3)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "Too many login attempts" in log_in(Client())
    assert basic("anna", PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_the_addresses_of_one_ipv6_network_count_as_one(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoginThrottle, "rate", "3/min", raising=False)
    for number in range(3):
        log_in(Client(REMOTE_ADDR=f"2001:db8:1:2::{number + 1}"), "wrong", username=f"somebody{number}")

    assert "Too many login attempts" in log_in(Client(REMOTE_ADDR="2001:db8:1:2:ffff::1"))
    assert log_in(Client(REMOTE_ADDR="2001:db8:1:3::1")) == "/admin/"


@pytest.mark.usefixtures("with_codes")
@pytest.mark.parametrize("path", ["/api/calls/", "/api/turns/", "/api/schema/", "/api/docs/", "/stats"])
def test_a_session_without_a_code_gets_nothing_from_the_api(path: str, anna: User) -> None:
    device, _ = devices.enrol(anna)
    early, complete = Client(), Client()
    early.force_login(anna)  # as before codes were asked for
    log_in(complete, code=code_of(device))

    assert early.get(path).status_code in {302, 401, 403}
    assert complete.get(path).status_code == 200
    device.delete()
    assert complete.get(path).status_code in {302, 401, 403}
