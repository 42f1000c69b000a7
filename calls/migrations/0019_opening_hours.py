"""Opening hours of numbers, and what callers get outside them. Supervisors edit both, viewers read them."""

import datetime

import django.db.models.deletion
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import calls.models.opening_hours

MODELS = ["openinghours", "openinginterval", "holiday"]


def allow(apps, schema_editor):
    config = apps.get_app_config("calls")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="calls", content_type__model__in=MODELS
    )
    for group in apps.get_model("auth", "Group").objects.filter(name="Supervisors"):
        group.permissions.add(*permissions)
    for group in apps.get_model("auth", "Group").objects.filter(name="Viewers"):
        group.permissions.add(*permissions.filter(codename__startswith="view_"))


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0009_tried_drafts"),
        ("calls", "0018_tests"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpeningHours",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="For example Practice, or Support on weekdays.", max_length=100, unique=True
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        choices=calls.models.opening_hours.time_zones,
                        default=calls.models.opening_hours.site_time_zone,
                        error_messages={
                            "invalid_choice": "%(value)s is not a time zone. Choose one such as Europe/Berlin or UTC."
                        },
                        help_text="Of all times below. Daylight saving time is taken into account.",
                        max_length=64,
                    ),
                ),
            ],
            options={
                "verbose_name": "opening hours",
                "verbose_name_plural": "opening hours",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="call",
            name="after_hours",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The number was closed when the call came in: its after-hours action was taken.",
            ),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="after_hours",
            field=models.CharField(
                choices=[
                    ("message", "Message and goodbye"),
                    ("persona", "Another persona answers"),
                    ("transfer", "Transfer to another number"),
                ],
                default="message",
                help_text="To take messages, choose another persona whose prompt says so.",
                max_length=10,
                verbose_name="when closed",
            ),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="after_hours_message",
            field=models.CharField(
                default="We are closed at the moment. Please call again during our opening hours. Goodbye.",
                help_text="Spoken in the persona's voice before the call ends, also if another choice fails. 15 seconds at most.",
                max_length=250,
                verbose_name="message when closed",
            ),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="after_hours_number",
            field=models.CharField(
                blank=True,
                help_text="Where the call is transferred. With country code, for example +1 202 555 0199.",
                max_length=32,
                verbose_name="number when closed",
            ),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="after_hours_persona",
            field=models.ForeignKey(
                blank=True,
                help_text="Answers in place of the number's own persona.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="after_hours_numbers",
                to="agents.persona",
                verbose_name="persona when closed",
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("caller_left", "The caller hung up"),
                    ("agent_goodbye", "The agent said goodbye"),
                    ("max_duration", "The maximum duration was reached"),
                    ("silence", "The caller stayed silent"),
                    ("hung_up", "A supervisor hung up"),
                    ("provider_failure", "A speech or language provider failed"),
                    ("room_gone", "The room was closed"),
                    ("pipeline_error", "The agent failed"),
                    ("agent_lost", "The agent was lost, and no other could take over"),
                    ("connect_failed", "The agent could not join the room"),
                    ("caller_gave_up", "The caller hung up before an agent was free"),
                    ("no_agent_free", "No agent was free within the ring time"),
                    ("transferred", "The caller was transferred to another number"),
                    ("no_answer", "The called person did not answer"),
                    ("busy", "The called line was busy"),
                    ("refused", "The called person declined the call"),
                    ("dial_failed", "The call could not be placed"),
                    ("after_hours", "The number was closed"),
                    ("after_hours_transferred", "The number was closed, and the caller was transferred"),
                    ("unknown_number", "The called number is unknown"),
                    ("inactive_number", "The called number is not active"),
                    ("no_live_persona", "The number's persona has no published version"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="opening_hours",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: always open.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="numbers",
                to="calls.openinghours",
            ),
        ),
        migrations.CreateModel(
            name="Holiday",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="For example Christmas.", max_length=100)),
                ("first_day", models.DateField()),
                ("last_day", models.DateField(blank=True, help_text="Empty: the same day.")),
                ("opens", models.TimeField(blank=True, help_text="Empty: closed all day.", null=True)),
                ("closes", models.TimeField(blank=True, help_text="Empty: closed all day.", null=True)),
                (
                    "hours",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="holidays", to="calls.openinghours"
                    ),
                ),
            ],
            options={
                "ordering": ["first_day", "opens"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last_day__gte", models.F("first_day"))),
                        name="a_holiday_ends_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closes", None), ("opens", None)),
                            models.Q(
                                ("closes__isnull", False),
                                ("opens__isnull", False),
                                models.Q(
                                    models.Q(("opens", models.F("closes")), _negated=True),
                                    models.Q(("closes", datetime.time(0, 0)), ("opens", datetime.time(0, 0))),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="a_holiday_is_closed_or_has_hours",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OpeningInterval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ]
                    ),
                ),
                ("opens", models.TimeField(help_text="For example 09:00.")),
                (
                    "closes",
                    models.TimeField(
                        help_text="Earlier than it opens: on the next day. 00:00 is midnight; from 00:00 to 00:00 is the whole day."
                    ),
                ),
                (
                    "hours",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="intervals", to="calls.openinghours"
                    ),
                ),
            ],
            options={
                "verbose_name": "interval",
                "ordering": ["weekday", "opens"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("opens", models.F("closes")), _negated=True),
                            models.Q(("closes", datetime.time(0, 0)), ("opens", datetime.time(0, 0))),
                            _connector="OR",
                        ),
                        name="an_interval_lasts",
                    )
                ],
            },
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
