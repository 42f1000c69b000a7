"""One fallback model a stage becomes a list of providers and models. Every persona and version keeps what it had.

What was empty stays empty, except where the rule for that has changed since: a nova model that is none of the two
general ones had nova-2-general behind it.

The columns of the former fields stay in the tables, with an empty text by default, and the new ones have an empty list
by default: during a deploy, processes of the version before still read and write these tables. A later migration drops
them.
"""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import agents.choices

NOVA = ("nova-2-general", "nova-3-general")
FORMER = ["stt_fallback_model", "llm_fallback_model", "tts_fallback_model", "fallback_voice_id"]


def make_lists(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    for name in ("Persona", "PersonaVersion"):
        model = apps.get_model("agents", name)
        for row in model.objects.all():
            stt = row.stt_fallback_model
            if not stt and row.turn_policy != "eager" and row.stt_model not in NOVA:
                stt = "nova-2-general"
            tts = row.tts_fallback_model
            if not tts and row.fallback_voice_id:
                tts = "eleven_turbo_v2_5" if row.tts_model == "eleven_flash_v2_5" else "eleven_flash_v2_5"
            voice = {"voice_id": row.fallback_voice_id} if row.fallback_voice_id else {}
            model.objects.filter(pk=row.pk).update(
                stt_fallbacks=[{"provider": row.stt_provider, "model": stt}] if stt else [],
                llm_fallbacks=[{"provider": row.llm_provider, "model": row.llm_fallback_model}]
                if row.llm_fallback_model
                else [],
                tts_fallbacks=[{"provider": row.tts_provider, "model": tts, **voice}] if tts else [],
            )


def make_single_models(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """The first of each list that is the persona's own provider's: no other could be told."""
    for name in ("Persona", "PersonaVersion"):
        model = apps.get_model("agents", name)
        for row in model.objects.all():
            first = {
                stage: next(
                    (
                        entry
                        for entry in getattr(row, f"{stage}_fallbacks")
                        if entry["provider"] == getattr(row, f"{stage}_provider")
                    ),
                    {},
                )
                for stage in ("stt", "llm", "tts")
            }
            values = {f"{stage}_fallback_model": entry.get("model", "") for stage, entry in first.items()}
            model.objects.filter(pk=row.pk).update(**values, fallback_voice_id=first["tts"].get("voice_id", ""))


LABELS = {
    "stt_fallbacks": "speech to text fallbacks",
    "llm_fallbacks": "language model fallbacks",
    "tts_fallbacks": "text to speech fallbacks",
}


TABLES = ("agents_persona", "agents_personaversion")


def column_default(table: str, column: str, value: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}",
        f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT",
    )


class Migration(migrations.Migration):
    dependencies = [("agents", "0006_fallback_names")]

    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name=field,
                field=models.JSONField(blank=True, default=list, verbose_name=label),
            )
            for model in ("persona", "personaversion")
            for field, label in LABELS.items()
        ),
        migrations.RunPython(make_lists, make_single_models),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name=model, name=field)
                for model in ("persona", "personaversion")
                for field in FORMER
            ],
            database_operations=[
                *(column_default(table, column, "''") for table in TABLES for column in FORMER),
                *(column_default(table, column, "'[]'::jsonb") for table in TABLES for column in LABELS),
            ],
        ),
        *(
            operation
            for model in ("persona", "personaversion")
            for operation in (
                migrations.AlterField(
                    model_name=model,
                    name="stt_provider",
                    field=models.CharField(
                        choices=agents.choices.stt_providers, default="deepgram", max_length=20, verbose_name="speech to text"
                    ),
                ),
                migrations.AlterField(
                    model_name=model,
                    name="stt_model",
                    field=models.CharField(
                        default="flux-general-en",
                        help_text="Deepgram's: flux-general-en or flux-general-multi for the fast turn policy; nova-3-general for the local ones.",
                        max_length=64,
                        verbose_name="speech to text model",
                    ),
                ),
                migrations.AlterField(
                    model_name=model,
                    name="llm_provider",
                    field=models.CharField(
                        choices=agents.choices.llm_providers, default="openai", max_length=20, verbose_name="language model"
                    ),
                ),
                migrations.AlterField(
                    model_name=model,
                    name="tts_provider",
                    field=models.CharField(
                        choices=agents.choices.tts_providers, default="elevenlabs", max_length=20, verbose_name="text to speech"
                    ),
                ),
                migrations.AlterField(
                    model_name=model,
                    name="voice_id",
                    field=models.CharField(
                        help_text="A voice of the text to speech provider.", max_length=64, verbose_name="voice"
                    ),
                ),
                migrations.AlterField(
                    model_name=model,
                    name="turn_policy",
                    field=models.CharField(
                        choices=[
                            ("eager", "Fast: answer a predicted end of turn"),
                            ("smart_turn", "Local: voice activity and smart-turn"),
                            ("silence", "Local: any pause of 200 ms ends the turn"),
                        ],
                        default="eager",
                        max_length=20,
                    ),
                ),
            )
        ),
        migrations.AlterField(
            model_name="spokenline",
            name="provider",
            field=models.CharField(
                choices=agents.choices.tts_providers, max_length=20, verbose_name="text to speech"
            ),
        ),
    ]
