from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0015_erase_end_details")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="not_joined_at",
            field=models.DateTimeField(
                help_text="When a slot last gave it back because its agent could not join: it waits on.", null=True
            ),
        ),
    ]
