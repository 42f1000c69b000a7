"""What becomes of callers while no agent is free. Calls that were turned away at a limit keep an honest reason."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

LIMITS = ["system_limit", "number_limit"]


def rename_reasons(apps, schema_editor):
    apps.get_model("calls", "Call").objects.filter(end_reason__in=LIMITS).update(end_reason="no_agent_free")


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0003_turn_policy_silence'),
        ('calls', '0005_event_key'),
    ]

    operations = [
        migrations.AddField(
            model_name='call',
            name='overflowed',
            field=models.BooleanField(default=False, help_text="Its ring time ended once: another persona may answer, beyond its number's limit."),
        ),
        migrations.AddField(
            model_name='call',
            name='rings_until',
            field=models.DateTimeField(help_text='When it overflows unless a slot has taken it.', null=True),
        ),
        migrations.AddField(
            model_name='phonenumber',
            name='overflow',
            field=models.CharField(choices=[('message', 'Message and goodbye'), ('persona', 'Another persona'), ('transfer', 'Transfer to another number')], default='message', help_text='Whatever else is chosen, the message is what remains when that fails.', max_length=10, verbose_name='after the ring time'),
        ),
        migrations.AddField(
            model_name='phonenumber',
            name='overflow_message',
            field=models.CharField(default='All our lines are busy at the moment. Please call again a little later. Goodbye.', help_text="Said in the persona's voice before the call is hung up: a quarter of a minute at most.", max_length=250, verbose_name='message'),
        ),
        migrations.AddField(
            model_name='phonenumber',
            name='overflow_number',
            field=models.CharField(blank=True, help_text='Where the call is transferred. With country code, for example +1 202 555 0199.', max_length=32, verbose_name='other number'),
        ),
        migrations.AddField(
            model_name='phonenumber',
            name='overflow_persona',
            field=models.ForeignKey(blank=True, help_text="Answers beyond the number's own limit, if a slot is free within a second ring time.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='overflow_numbers', to='agents.persona', verbose_name='other persona'),
        ),
        migrations.AddField(
            model_name='phonenumber',
            name='ring_time_s',
            field=models.PositiveSmallIntegerField(default=30, help_text='How long the telephone rings while no agent is free. Between 5 and 120 seconds.', validators=[django.core.validators.MinValueValidator(5, 'At least 5 seconds: an agent needs a moment to answer.'), django.core.validators.MaxValueValidator(120, 'At most 120 seconds: telephone networks give up soon after.')], verbose_name='ring time, in seconds'),
        ),
        migrations.AlterField(
            model_name='phonenumber',
            name='max_calls',
            field=models.PositiveIntegerField(default=10, help_text='Who calls when there are as many hears ringing until one of them ends.', validators=[django.core.validators.MinValueValidator(1, 'At least 1; make the number inactive to take no calls.')], verbose_name='calls at once'),
        ),
        migrations.AlterField(
            model_name='call',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('caller_left', 'The caller hung up'), ('agent_goodbye', 'The agent said goodbye'), ('max_duration', 'The longest duration was reached'), ('silence', 'The caller stayed silent'), ('provider_failure', 'A speech or language provider failed'), ('room_gone', 'The room was closed'), ('pipeline_error', 'The agent failed'), ('agent_lost', 'The agent was lost, and no other could take over'), ('connect_failed', 'The agent could not join the room'), ('caller_gave_up', 'The caller hung up before an agent was free'), ('no_agent_free', 'No agent was free within the ring time'), ('transferred', 'The caller was transferred to another number'), ('unknown_number', 'The called number is not known'), ('inactive_number', 'The called number is not active'), ('no_live_persona', "The number's persona has no published version")], max_length=24),
        ),
        migrations.RunPython(rename_reasons, migrations.RunPython.noop),
    ]
