"""Words by which callers show that they are angry, or do not understand: whole words, in the personas' languages.

Simple rules on purpose: they only order a list that people look at. Nothing is decided by them.
"""

import re

ANGRY = (
    # English
    *("ridiculous", "unacceptable", "useless", "fed up", "i am angry", "i'm angry", "sick of", "shut up", "lawyer"),
    *("worst service", "waste of time", "stop talking", "complaint", "damn", "fuck", "fucking", "shit", "bullshit"),
    # Spanish, French, German, Italian, Portuguese, Dutch
    *("inaceptable", "estoy harto", "estoy harta", "una vergüenza", "mierda", "cállate", "abogado", "una queja"),
    *("inadmissible", "ras le bol", "j'en ai marre", "taisez-vous", "merde", "c'est honteux", "avocat"),
    *("unverschämt", "unverschämtheit", "frechheit", "lächerlich", "scheiße", "anwalt", "beschwerde", "mir reicht"),
    *("inaccettabile", "sono stufo", "sono stufa", "una vergogna", "merda", "avvocato", "stia zitto"),
    *("inaceitável", "estou farto", "estou farta", "uma vergonha", "advogado", "cale a boca"),
    *("onacceptabel", "belachelijk", "schandalig", "ik ben het zat", "advocaat", "klacht", "hou je mond"),
)
CONFUSED = (
    # In the same order
    *("i don't understand", "i do not understand", "i'm confused", "i am confused", "what do you mean"),
    *("makes no sense", "that's not what i", "that is not what i", "you don't understand", "can you repeat"),
    *("say that again", "pardon", "a real person", "a human", "speak to a person", "talk to a person"),
    *("no entiendo", "no comprendo", "qué quiere decir", "una persona real", "puede repetir"),
    *("je ne comprends pas", "je comprends pas", "pouvez-vous répéter", "une vraie personne", "un conseiller"),
    *("ich verstehe nicht", "verstehe ich nicht", "wie bitte", "was meinen sie", "einen menschen", "echten menschen"),
    *("non capisco", "non ho capito", "può ripetere", "una persona vera", "un operatore"),
    *("não entendo", "não percebo", "não entendi", "pode repetir", "uma pessoa real", "um atendente"),
    *("ik begrijp het niet", "ik snap het niet", "wat bedoelt u", "echt persoon", "een medewerker"),
)


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b", re.IGNORECASE)


_ANGRY = _any_of(ANGRY)
_CONFUSED = _any_of(CONFUSED)


def is_angry(text: str) -> bool:
    """Whether it holds a word of ANGRY."""
    return _ANGRY.search(_plain(text)) is not None


def is_confused(text: str) -> bool:
    """Whether it holds a phrase of CONFUSED."""
    return _CONFUSED.search(_plain(text)) is not None


def _plain(text: str) -> str:
    """With the apostrophe of keyboards, and no commas: recognizers write them as they like."""
    return text.replace("’", "'").replace(",", "")
