"""Supervisors may look at what the voices have already said."""

from django.contrib.auth.management import create_permissions
from django.db import migrations


def allow(apps, schema_editor):
    config = apps.get_app_config("agents")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permission = apps.get_model("auth", "Permission").objects.get(
        content_type__app_label="agents", codename="view_spokenline"
    )
    for group in apps.get_model("auth", "Group").objects.filter(name="Supervisors"):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_spokenline"), ("calls", "0002_groups")]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
