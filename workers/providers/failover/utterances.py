"""What a voice was asked to say, and how much of it has come: so that another voice can go on in the same word."""

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"\S+")


@dataclass(slots=True)
class Utterance:
    """The text of one audio context. What has come is counted in letters and digits: providers differ in the rest."""

    text: str = ""
    is_complete: bool = False
    """Whether no more text will be asked for."""
    is_timed: bool = True
    """Whether the voice tells its words; else nobody knows how far its speech is."""
    audio_s: float = 0.0
    """How much speech has come since the voice began with this text."""
    sent_s: float = 0.0
    """How much speech of the context has come from all voices."""
    from_s: float | None = None
    """Where in the context the voice began: its words count from there. None until its first audio."""
    _words: list[tuple[str, float]] = field(default_factory=list)

    def came(self, seconds: float) -> None:
        """Note speech."""
        self.audio_s += seconds
        self.sent_s += seconds

    def voiced(self, words: list[tuple[str, float]]) -> None:
        """Note words, each with its start in seconds since the voice began."""
        self._words += words

    def rest(self) -> str:
        """The text that has not come, from the start of the word in which the speech stopped; empty when all has."""
        if self.audio_s and not self.is_timed:
            return ""
        left = sum(_letters(word) for word, start_s in self._words if start_s < self.audio_s)
        for word in _WORD.finditer(self.text):
            letters = _letters(word.group())
            if left < letters:
                return self.text[word.start() :]
            left -= letters
        return ""

    def has_progressed(self) -> bool:
        """Whether a word has come as a whole since the voice began."""
        return self.rest() != self.text

    def start_again(self) -> str:
        """Forget what has come, and return the rest, which is the text from now on."""
        self.text = self.rest()
        self.audio_s, self.from_s = 0.0, None
        self._words = []
        return self.text


@dataclass(slots=True)
class Utterances:
    """The audio contexts that a provider has something to say in, in the order in which they are heard."""

    _open: dict[str, Utterance] = field(default_factory=dict)

    def __getitem__(self, context_id: str) -> Utterance:
        """The utterance of a context; a new one if there was none."""
        return self._open.setdefault(context_id, Utterance())

    def get(self, context_id: str) -> Utterance | None:
        """The utterance of a context, if there is one."""
        return self._open.get(context_id)

    def forget(self, context_id: str) -> None:
        """It was heard, or will never be."""
        self._open.pop(context_id, None)

    def all(self) -> list[tuple[str, Utterance]]:
        """Each context with its utterance."""
        return list(self._open.items())

    def are_owed(self) -> bool:
        """Whether the provider owes any speech."""
        return any(utterance.rest() for utterance in self._open.values())


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)
