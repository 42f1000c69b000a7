"""Goodbyes, in the languages of personas: what tells that the agent takes leave, and what callers say when they do."""

import re
from functools import cache

from agents.choices import Language
from workers.turns.backchannels import BACKCHANNELS

_GOODBYES: dict[str, str] = {
    "en": r"bye|byebye|good[- ]?bye|good night|take care|see you|have an? (?:\w+ )?(?:day|evening|night|weekend)",
    "es": r"adi[óo]s|hasta (?:luego|pronto|mañana)|que (?:tenga|pase)s? (?:una? )?(?:\w+ )?(?:día|tarde|noche)",
    "fr": r"au revoir|à (?:bientôt|plus|demain)|bonne (?:fin de )?(?:journée|soirée|nuit)|adieu",
    "de": r"tschüss?|auf wieder(?:hören|sehen|schauen)|bis (?:bald|dann|morgen)|schönen (?:tag|abend)|gute nacht",
    "it": r"arrivederci|arrivederla|a presto|buona (?:giornata|serata|notte)|addio",
    "pt": r"adeus|tchau|até (?:logo|breve|mais|já|amanhã)|tenha (?:um |uma )?(?:bom|boa) (?:dia|tarde|noite)",
    "nl": r"goedendag|tot (?:ziens|straks|snel|morgen)|doei|fijne (?:dag|avond|middag)",
}
_COURTESIES: dict[str, str] = {
    "en": r"thanks|thank you|you too|same to you|cheers|that'?s (?:all|it)",
    "es": r"gracias|igualmente|chao|eso es todo|buenos días|buenas (?:tardes|noches)",
    "fr": r"merci|(?:à )?vous aussi|également|salut|c'est tout",
    "de": r"danke|vielen dank|ebenfalls|ebenso|gleichfalls|ihnen auch|das war'?s|ciao|servus",
    "it": r"grazie|altrettanto|anche a lei|ciao|è tutto|buongiorno|buonasera",
    "pt": r"obrigad[oa]|igualmente|é tudo|bom dia|boa (?:tarde|noite)",
    "nl": r"dank (?:u|je)|bedankt|insgelijks|u ook|hetzelfde|dat was het|dag",
}
_BETWEEN: dict[str, str] = {
    "en": r"and|then|now|later|soon|a lot|(?:very|so) much|for (?:your|the) help",
    "es": r"y|pues|muchas|muchísimas|por (?:su|la|tu) ayuda",
    "fr": r"et|alors|beaucoup|bien|pour votre aide",
    "de": r"und|dann|schön|sehr|einen|noch|für ihre hilfe",
    "it": r"e|allora|mille|tante|per l'aiuto",
    "pt": r"e|então|muito|pela ajuda",
    "nl": r"en|dan|wel|hartelijk|een|nog|voor (?:uw|de) hulp",
}


def takes_leave(text: str, language: str) -> bool:
    """Whether somebody says goodbye in these words, among others. `language` is one of agents.choices.Language."""
    return bool(_goodbye(_short(language)).search(_plain(text)))


def is_farewell(text: str, language: str) -> bool:
    """Whether the words only say goodbye, or thanks, or that one listens: nobody needs an answer to them."""
    short, plain = _short(language), _plain(text)
    return bool(_only_farewells(short).fullmatch(plain) and not _only_between(short).fullmatch(plain))


def _short(language: str) -> str:
    return Language(language).split("-")[0]


def _plain(text: str) -> str:
    return text.lower().replace("’", "'")


@cache
def _goodbye(language: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_GOODBYES[language]})\b")


@cache
def _only_farewells(language: str) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in BACKCHANNELS[language].split())
    return _only(f"{_GOODBYES[language]}|{_COURTESIES[language]}|{_BETWEEN[language]}|{words}")


@cache
def _only_between(language: str) -> re.Pattern[str]:
    return _only(_BETWEEN[language])


def _only(alternatives: str) -> re.Pattern[str]:
    # Possessive, because what a caller says a hundred times must not be tried in all its combinations.
    return re.compile(rf"\W*+(?:\b(?:{alternatives})\b\W*+)*+")
