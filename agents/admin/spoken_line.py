"""What the voices have already spoken: shows whether a greeting is ready."""

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from agents.models import SpokenLine
from agents.voices.fixed_lines import SAMPLE_RATE
from common.admin import HistoryAdmin, column


@admin.register(SpokenLine)
class SpokenLineAdmin(HistoryAdmin):
    """The list shows everything but the speech itself, which is not even loaded."""

    list_display = ("text", "voice_id", "model", "language", "duration", "created_at")
    list_filter = (("voice_id", AllValuesCheckboxFilter), ("language", AllValuesCheckboxFilter))
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("text", "voice_id")
    fields = ("text", "provider", "model", "voice_id", "language", "duration", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SpokenLine]:
        rows: QuerySet[SpokenLine] = super().get_queryset(request)
        return rows.defer("pcm").annotate(pcm_bytes=Length("pcm"))

    @column("Duration", ordering="pcm_bytes")
    def duration(self, line: SpokenLine) -> str:
        seconds: float = getattr(line, "pcm_bytes", 0) / 2 / SAMPLE_RATE
        return f"{seconds:.1f} s"
