"""Calls from the browser, with which supervisors try personas, are marked as tests."""

from django.contrib.auth.management import create_permissions
from django.db import migrations, models


def allow(apps, schema_editor):
    """Supervisors talk to personas in the browser."""
    config = apps.get_app_config("calls")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permission = apps.get_model("auth", "Permission").objects.get(content_type__app_label="calls", codename="test_call")
    for group in apps.get_model("auth", "Group").objects.filter(name="Supervisors"):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("calls", "0017_plain_words"), ("agents", "0009_tried_drafts")]

    operations = [
        migrations.AlterModelOptions(
            name="call",
            options={
                "ordering": ["-created_at"],
                "permissions": [
                    ("dispatch_call", "Can place calls and hang up"),
                    ("view_caller_number", "Can see callers' whole numbers in lists"),
                    ("test_call", "Can talk to personas in the browser"),
                ],
            },
        ),
        migrations.AddField(
            model_name="call",
            name="is_test",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Someone tried a persona in the browser. Left out of all statistics.",
                verbose_name="test",
            ),
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
