"""Who may place calls and see whole numbers, how long calls are kept, and the proofs of deletions."""

import uuid

import django.core.validators
import django.utils.timezone
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

SUPERVISED = ["dispatch_call", "view_caller_number"]


def allow(apps, schema_editor):
    """Supervisors place calls, hang up and see whole numbers in lists; viewers see masked ones."""
    config = apps.get_app_config("calls")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="calls")
    for group in apps.get_model("auth", "Group").objects.filter(name="Supervisors"):
        group.permissions.add(*permissions.filter(codename__in=SUPERVISED))


class Migration(migrations.Migration):
    dependencies = [("calls", "0008_outbound")]

    operations = [
        migrations.AlterModelOptions(
            name="call",
            options={
                "ordering": ["-created_at"],
                "permissions": [
                    ("dispatch_call", "Can place calls and hang up"),
                    ("view_caller_number", "Can see callers' whole numbers in lists"),
                ],
            },
        ),
        migrations.AddField(
            model_name="call",
            name="erased_at",
            field=models.DateTimeField(help_text="When what identifies the caller, and what was said, went.", null=True),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="kept_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Then callers' numbers and what was said are deleted; times and figures stay. Empty: as CALLS_KEPT_DAYS in the settings says.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        1, "At least 1 day; leave it empty for the installation's own time."
                    )
                ],
                verbose_name="days to keep what was said",
            ),
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number_digest", models.CharField(db_index=True, help_text="HMAC-SHA-256 of the number.", max_length=64)),
                ("reason", models.CharField(blank=True, help_text="For example the request's reference.", max_length=200)),
                ("asked_by", models.CharField(help_text="The user who deleted it.", max_length=150)),
                ("erased_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("calls", models.PositiveIntegerField(help_text="How many calls it was in.")),
                ("turns", models.PositiveIntegerField(help_text="How many utterances were deleted.")),
                ("events", models.PositiveIntegerField(help_text="How many details of events were deleted.")),
                ("webhooks", models.PositiveIntegerField(help_text="How many stored webhooks named the caller.")),
                ("dead_letters", models.PositiveIntegerField(help_text="How many stored messages belonged to the calls.")),
                ("seal", models.CharField(help_text="HMAC-SHA-256 of all of the above.", max_length=64)),
            ],
            options={"ordering": ["-erased_at"]},
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
