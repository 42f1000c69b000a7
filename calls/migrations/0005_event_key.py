"""The key of an event, by which it is written once; events that are there get one each."""

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0004_leases'),
    ]

    operations = [
        migrations.AddField(
            model_name='callevent',
            name='key',
            field=models.UUIDField(db_default=RandomUUID(), default=uuid.uuid4, editable=False, help_text='Writing it twice adds no row.', unique=True),
        ),
        migrations.AlterField(
            model_name='callevent',
            name='key',
            field=models.UUIDField(default=uuid.uuid4, editable=False, help_text='Writing it twice adds no row.', unique=True),
        ),
    ]
