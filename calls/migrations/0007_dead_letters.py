import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

VIEW, RESEND = "view_deadletter", "resend_deadletter"
ALLOWED = {"Viewers": [VIEW], "Supervisors": [VIEW, RESEND]}


def allow(apps, schema_editor):
    """Viewers read dead letters; supervisors may also send their calls again."""
    config = apps.get_app_config("calls")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="calls")
    for name, codenames in ALLOWED.items():
        for group in apps.get_model("auth", "Group").objects.filter(name=name):
            group.permissions.add(*permissions.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0006_full_house"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(help_text="SHA-256 of what tells the message from others.", max_length=64, unique=True)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="set aside")),
                ("cause", models.CharField(choices=[("unreadable", "No worker could read it"), ("unknown_task", "It asks for a task that no worker knows"), ("refused", "A worker could not carry it out"), ("expired", "It waited longer than it was allowed to"), ("queue_full", "The queue was full"), ("too_often", "It came back too often"), ("put_there", "It was put among the dead letters by hand")], max_length=16, verbose_name="why")),
                ("reason", models.CharField(blank=True, help_text="From the header x-death.", max_length=40, verbose_name="RabbitMQ's reason")),
                ("task", models.CharField(blank=True, help_text="What the message asks for.", max_length=200)),
                ("body", models.TextField(blank=True, help_text="The beginning of the message.")),
                ("resent_at", models.DateTimeField(null=True, verbose_name="sent again")),
                ("call", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="dead_letters", to="calls.call")),
                ("resent_by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "dead letter",
                "ordering": ["-received_at"],
                "permissions": [("resend_deadletter", "Can send the call of a dead letter again")],
                "indexes": [models.Index(fields=["-received_at"], name="dead_letter_by_time")],
            },
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
