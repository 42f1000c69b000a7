"""Supervisors listen to live calls, whisper to their agents, take them over, and add notes."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

ALLOWED = ("listen_call", "whisper_call", "take_over_call", "annotate_call")


def allow(apps, schema_editor):
    config = apps.get_app_config("calls")
    config.models_module = True  # without it, create_permissions takes the app for one that has no models
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="calls")
    for group in apps.get_model("auth", "Group").objects.filter(name="Supervisors"):
        group.permissions.add(*permissions.filter(codename__in=ALLOWED))


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0019_opening_hours'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='call',
            options={'ordering': ['-created_at'], 'permissions': [('dispatch_call', 'Can place calls and hang up'), ('view_caller_number', "Can see callers' whole numbers in lists"), ('test_call', 'Can talk to personas in the browser'), ('listen_call', 'Can listen to live calls'), ('whisper_call', 'Can whisper to agents in live calls'), ('take_over_call', 'Can take over live calls'), ('annotate_call', 'Can add notes to calls')]},
        ),
        migrations.AddField(
            model_name='call',
            name='floor',
            field=models.CharField(choices=[('agent', 'Agent'), ('supervisor', 'Supervisor')], db_default='agent', default='agent', help_text='Who speaks to the caller.', max_length=12),
        ),
        migrations.AddField(
            model_name='call',
            name='floor_identity',
            field=models.CharField(blank=True, db_default='', help_text='The participant of the supervisor who has the floor.', max_length=128),
        ),
        migrations.AlterField(
            model_name='turn',
            name='speaker',
            field=models.CharField(choices=[('caller', 'Caller'), ('agent', 'Agent'), ('supervisor', 'Supervisor')], max_length=12),
        ),
        migrations.CreateModel(
            name='Supervision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('identity', models.CharField(help_text="The supervisor's participant in the room.", max_length=128, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('joined_at', models.DateTimeField(null=True)),
                ('left_at', models.DateTimeField(null=True)),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='supervisions', to='calls.call')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['created_at'],
            },
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
