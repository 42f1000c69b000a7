"""The two groups of users: supervisors, who edit and publish, and viewers, who read."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWED = [
    ("agents", ["persona", "personatool", "personaversion"]),
    ("calls", ["phonenumber", "call", "turn", "callevent"]),
]
SUPERVISED = [("agents", ["persona", "personatool"]), ("calls", ["phonenumber"])]

VIEWERS = [f"{app}.view_{model}" for app, models in VIEWED for model in models]
SUPERVISORS = [
    *VIEWERS,
    "calls.view_webhookevent",
    "agents.publish_persona",
    *(f"{app}.{verb}_{model}" for app, models in SUPERVISED for model in models for verb in ("add", "change", "delete")),
]


def make_groups(apps, schema_editor):
    _make_permissions(apps)
    for name, codenames in (("Supervisors", SUPERVISORS), ("Viewers", VIEWERS)):
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        for permission in codenames:
            app, codename = permission.split(".")
            group.permissions.add(
                apps.get_model("auth", "Permission").objects.get(content_type__app_label=app, codename=codename)
            )


def _make_permissions(apps):
    """Django makes permissions after the last migration only; the groups need them now."""
    for label in ("agents", "calls"):
        config = apps.get_app_config(label)
        config.models_module = True  # without it, create_permissions takes the app for one that has no models
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        ("calls", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Going back leaves the groups: users may be in them.
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
