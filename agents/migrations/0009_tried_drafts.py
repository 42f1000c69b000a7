"""A draft that somebody talked to is a version without a number."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0008_plain_labels")]

    operations = [
        migrations.AlterModelOptions(name="personaversion", options={"ordering": ["-published_at", "-pk"]}),
        migrations.AlterField(
            model_name="personaversion",
            name="number",
            field=models.PositiveIntegerField(help_text="Empty: a draft that somebody has talked to.", null=True),
        ),
    ]
