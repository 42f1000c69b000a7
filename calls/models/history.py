"""What was said and what happened: written once, and never edited but for an end that was concluded wrongly."""

import string
import uuid

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models import F, Func, Value
from django.utils import timezone

from calls.models.call import Call


class Speaker(models.TextChoices):
    CALLER = "caller", "Caller"
    AGENT = "agent", "Agent"
    SUPERVISOR = "supervisor", "Supervisor"


# PostgreSQL's parser would make one word, or a signed number, of what these join: 555-0199, anna@example.com. Without
# `%` and the backslash, which Django writes differently in an index and in a query.
JOINING = "-+./@_<>&"
# The words of a turn as they were said, in lower case and of any language. The index and its searches use it.
SPOKEN_WORDS = SearchVector(
    Func(F("text"), Value(JOINING), Value(" " * len(JOINING)), function="translate", output_field=models.TextField()),
    config="simple",
)
LONGEST_WORD = 2046  # bytes in UTF-8; PostgreSQL indexes no longer ones and refuses to search for them (section 12.11)
BEGINNING = 3  # letters; to find all words that begin with one or two takes minutes among millions of turns
_TO_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))


class TurnQuerySet(models.QuerySet["Turn"]):
    def saying(self, phrase: str) -> "TurnQuerySet":
        """Turns with these words in this order; the last may be the beginning of a word, or of a number.

        Punctuation, and with it every operator and quote of PostgreSQL's query language, only separates words. A phrase
        without words is in no turn.
        """
        words = [word for word in phrase.translate(_TO_SPACES).split() if any(map(str.isalnum, word))]
        if not words or max(len(word.encode()) for word in words) > LONGEST_WORD:
            return self.none()
        query = " <-> ".join(f"'{word}'" for word in words) + (":*" if _begins_few(words[-1]) else "")
        return self.alias(words=SPOKEN_WORDS).filter(words=SearchQuery(query, config="simple", search_type="raw"))


def _begins_few(word: str) -> bool:
    """Whether not too many words begin with this one for all of them to be looked up."""
    return len(word) >= BEGINNING or word.isdigit()


class Turn(models.Model):
    """One utterance. An agent's turn carries the latency of the reply by stage, in milliseconds.

    `reply_ms` runs from the caller's last speech to the agent's first, as the caller hears them; the stages are its
    parts and add up to it. All are None where there was nothing to reply to (a greeting).
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField(help_text="1 is the first utterance of the call.")
    speaker = models.CharField(max_length=12, choices=Speaker)
    text = models.TextField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    interrupted = models.BooleanField(default=False, help_text="The caller spoke before the agent had finished.")
    reply_ms = models.PositiveIntegerField("reply", null=True)
    end_of_turn_ms = models.PositiveIntegerField("end of turn", null=True)
    stt_ms = models.PositiveIntegerField("speech to text", null=True)
    llm_ms = models.PositiveIntegerField("language model", null=True)
    tts_ms = models.PositiveIntegerField("text to speech", null=True)
    transport_ms = models.PositiveIntegerField("transport", null=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        ordering = ["call", "number"]
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="turn_number_once_a_call")]
        indexes = [
            # Latencies of a day's calls are read from it alone, whatever else the table holds.
            models.Index(
                fields=["call"], include=["reply_ms"], condition=models.Q(reply_ms__isnull=False), name="turn_reply"
            ),
            GinIndex(SPOKEN_WORDS, name="turn_words"),
        ]

    def __str__(self) -> str:
        return f"{self.speaker} {self.number}"


class CallEvent(models.Model):
    """Something that happened to a call: a change of state, a failure, a tool, an interruption."""

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False, help_text="A second write adds no row.")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)
    to_status = models.CharField(max_length=16, blank=True, help_text="The status that the call entered, if any.")
    attempt = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["call", "at", "id"]
        indexes = [models.Index(fields=["call", "at"], name="event_by_call")]

    def __str__(self) -> str:
        return self.kind
