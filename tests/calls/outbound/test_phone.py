"""Phone numbers: E.164 is the only form in which they are stored, and logs never hold them in full."""

import pytest
from django.core.exceptions import ValidationError

from calls.phone import as_told, masked, to_e164
from tests.factories import make_number, make_persona


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+12025550100", "+12025550100"),
        (" +1 (202) 555-0100 ", "+12025550100"),
        ("+44 20 7946 0958", "+442079460958"),
        ("tel:+12025550100", "+12025550100"),
    ],
)
def test_numbers_with_a_country_code_become_e164(text: str, e164: str) -> None:
    assert to_e164(text) == e164


@pytest.mark.parametrize("text", ["", "anonymous", "202 555 0100", "12025550100", "+", "+1202555", "+1" + "2" * 30])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="country code|too short or too long"):
        to_e164(text)


@pytest.mark.parametrize(
    ("text", "called", "expected"),
    [
        ("0301234567", "+4930987654", "+49301234567"),
        ("0049301234567", "+4930987654", "+49301234567"),
        ("2025550123", "+12025550100", "+12025550123"),
        ("12025550123", "+12025550100", "+12025550123"),
        ("912345678", "+34911234567", "+34912345678"),
        ("0301234567", "not a number", "0301234567"),
        ("33142685300", "+4930987654", "33142685300"),  # Paris without its plus, or Potsdam without its zero
        ("5550123", "+12025550100", "5550123"),
        ("1234", "+4930987654", "1234"),
        ("anonymous", "+4930987654", "anonymous"),
    ],
)
def test_a_callers_number_is_completed_where_it_can_be_only_one(text: str, called: str, expected: str) -> None:
    assert as_told(text, called) == expected


@pytest.mark.parametrize(
    ("number", "shown"), [("+12025550123", "+12…23"), ("+12025", "…"), ("anonymous", "ano…us"), ("", "…")]
)
def test_logs_show_a_number_only_in_part(number: str, shown: str) -> None:
    assert masked(number) == shown


@pytest.mark.django_db
def test_a_number_is_stored_as_e164() -> None:
    number = make_number("+1 202 555 0100", persona=make_persona())
    number.full_clean()
    number.save()

    number.refresh_from_db()
    assert number.e164 == "+12025550100"


@pytest.mark.django_db
def test_the_same_number_written_differently_is_found_to_exist() -> None:
    make_number("+12025550100")
    again = make_number("+1 202 5550100")

    with pytest.raises(ValidationError) as raised:
        again.full_clean()

    assert "already exists" in raised.value.message_dict["e164"][0]


@pytest.mark.django_db
def test_a_number_that_is_none_is_refused_at_its_field() -> None:
    number = make_number("reception")

    with pytest.raises(ValidationError) as raised:
        number.full_clean()

    assert list(raised.value.message_dict) == ["e164"]
