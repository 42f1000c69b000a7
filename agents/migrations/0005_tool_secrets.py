import django.db.models.deletion
from django.db import migrations, models

import agents.tools.encryption
import agents.tools.definitions


class Migration(migrations.Migration):
    dependencies = [("agents", "0004_fallbacks")]

    operations = [
        migrations.CreateModel(
            name="ToolSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="For example order_service.", max_length=63, unique=True, validators=[agents.tools.definitions.validate_tool_name])),
                ("host", models.CharField(help_text="The service's host, for example orders.example.com. The secret is sent nowhere else.", max_length=253, validators=[agents.tools.definitions.validate_host])),
                ("value", agents.tools.encryption.EncryptedTextField(help_text="Encrypted. Sent as Authorization: Bearer.")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.AddField(
            model_name="personatool",
            name="secret",
            field=models.ForeignKey(
                blank=True,
                help_text="What the service asks for as a bearer token, if it does.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tools",
                to="agents.toolsecret",
            ),
        ),
    ]
