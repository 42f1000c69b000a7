"""Calls that the call center places."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0007_dead_letters")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="direction",
            field=models.CharField(
                choices=[("inbound", "Inbound"), ("outbound", "Outbound")], default="inbound", max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="caller_number",
            field=models.CharField(
                blank=True,
                help_text="The person's number: who called or, if the call is outbound, was called.",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="called_number",
            field=models.CharField(
                blank=True,
                help_text="Our number: which was called or, if the call is outbound, called.",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="caller_identity",
            field=models.CharField(blank=True, help_text="The person's participant in the room.", max_length=128),
        ),
        migrations.AlterField(
            model_name="call",
            name="rings_until",
            field=models.DateTimeField(
                help_text="When it overflows unless a slot has taken it; when an outbound call is given up.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("caller_left", "The caller hung up"),
                    ("agent_goodbye", "The agent said goodbye"),
                    ("max_duration", "The longest duration was reached"),
                    ("silence", "The caller stayed silent"),
                    ("hung_up", "A supervisor hung up"),
                    ("provider_failure", "A speech or language provider failed"),
                    ("room_gone", "The room was closed"),
                    ("pipeline_error", "The agent failed"),
                    ("agent_lost", "The agent was lost, and no other could take over"),
                    ("connect_failed", "The agent could not join the room"),
                    ("caller_gave_up", "The caller hung up before an agent was free"),
                    ("no_agent_free", "No agent was free within the ring time"),
                    ("transferred", "The caller was transferred to another number"),
                    ("no_answer", "The called person did not answer"),
                    ("busy", "The called line was busy"),
                    ("refused", "The called person refused the call"),
                    ("dial_failed", "The call could not be placed"),
                    ("unknown_number", "The called number is not known"),
                    ("inactive_number", "The called number is not active"),
                    ("no_live_persona", "The number's persona has no published version"),
                ],
                max_length=24,
            ),
        ),
    ]
