"""The end of an erased call kept what exactly had failed, which may quote the caller."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("calls", "0014_plain_help_texts")]

    operations = [
        migrations.RunSQL(
            """
            UPDATE calls_callevent AS event SET detail = event.detail - 'detail'
            FROM calls_call AS call
            WHERE call.id = event.call_id AND call.erased_at IS NOT NULL AND jsonb_exists(event.detail, 'detail')
            """,
            migrations.RunSQL.noop,
        )
    ]
