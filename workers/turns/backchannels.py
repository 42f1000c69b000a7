"""Words that only say that one listens, in the languages of personas."""

import re

from agents.choices import Language

BACKCHANNELS: dict[str, str] = {
    "en": "mhm mm hmm hm uh huh ah oh aha yeah yep okay ok right sure cool great i see got it alright",
    "es": "mhm mm ajá aja ah oh sí si vale claro ya ok bueno entiendo",
    "fr": "mhm mm hum ah oh ouais oui ok d'accord daccord bien voilà je vois",
    "de": "mhm mm hm aha ah oh ja jo okay ok genau gut klar verstehe so",
    "it": "mhm mm ah oh sì si ok va bene certo capito esatto",
    "pt": "mhm mm ah oh aham sim tá ok certo claro entendi pois",
    "nl": "mhm mm hm ah oh ja oké oke ok goed precies juist",
}


def is_backchannel(text: str, language: str) -> bool:
    """Whether the words only say that one listens. `language` is one of agents.choices.Language."""
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    known = set(BACKCHANNELS[Language(language).split("-")[0]].split())
    return all(word in known for word in words)
