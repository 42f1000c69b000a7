"""What callers say without expecting an answer, in the languages of personas: one entry per language."""

from dataclasses import dataclass

from agents.choices import Language


@dataclass(frozen=True, slots=True)
class CallerWords:
    """`backchannels` are single words, separated by spaces; the others are alternatives of a regular expression.

    All are in lower case. `courtesies` go with a goodbye, `connectives` join them.
    """

    backchannels: str
    goodbyes: str
    courtesies: str
    connectives: str


CALLER_WORDS: dict[str, CallerWords] = {
    "en": CallerWords(
        backchannels="mhm mm hmm hm uh huh ah oh aha yeah yep okay ok right sure cool great i see got it alright",
        goodbyes=r"bye|byebye|good[- ]?bye|good night|take care|see you"
        r"|have an? (?:\w+ )?(?:day|evening|night|weekend)",
        courtesies=r"thanks|thank you|you too|same to you|cheers|that'?s (?:all|it)",
        connectives=r"and|then|now|later|soon|a lot|(?:very|so) much|for (?:your|the) help",
    ),
    "es": CallerWords(
        backchannels="mhm mm ajá aja ah oh sí si vale claro ya ok bueno entiendo",
        goodbyes=r"adi[óo]s|hasta (?:luego|pronto|mañana)|que (?:tenga|pase)s? (?:una? )?(?:\w+ )?(?:día|tarde|noche)",
        courtesies=r"gracias|igualmente|chao|eso es todo|buenos días|buenas (?:tardes|noches)",
        connectives=r"y|pues|muchas|muchísimas|por (?:su|la|tu) ayuda",
    ),
    "fr": CallerWords(
        backchannels="mhm mm hum ah oh ouais oui ok d'accord daccord bien voilà je vois",
        goodbyes=r"au revoir|à (?:bientôt|plus|demain)|bonne (?:fin de )?(?:journée|soirée|nuit)|adieu",
        courtesies=r"merci|(?:à )?vous aussi|également|salut|c'est tout",
        connectives=r"et|alors|beaucoup|bien|pour votre aide",
    ),
    "de": CallerWords(
        backchannels="mhm mm hm aha ah oh ja jo okay ok genau gut klar verstehe so",
        goodbyes=r"tschüss?|auf wieder(?:hören|sehen|schauen)|bis (?:bald|dann|morgen)|schönen (?:tag|abend)"
        r"|gute nacht",
        courtesies=r"danke|vielen dank|ebenfalls|ebenso|gleichfalls|ihnen auch|das war'?s|ciao|servus",
        connectives=r"und|dann|schön|sehr|einen|noch|für ihre hilfe",
    ),
    "it": CallerWords(
        backchannels="mhm mm ah oh sì si ok va bene certo capito esatto",
        goodbyes=r"arrivederci|arrivederla|a presto|buona (?:giornata|serata|notte)|addio",
        courtesies=r"grazie|altrettanto|anche a lei|ciao|è tutto|buongiorno|buonasera",
        connectives=r"e|allora|mille|tante|per l'aiuto",
    ),
    "pt": CallerWords(
        backchannels="mhm mm ah oh aham sim tá ok certo claro entendi pois",
        goodbyes=r"adeus|tchau|até (?:logo|breve|mais|já|amanhã)|tenha (?:um |uma )?(?:bom|boa) (?:dia|tarde|noite)",
        courtesies=r"obrigad[oa]|igualmente|é tudo|bom dia|boa (?:tarde|noite)",
        connectives=r"e|então|muito|pela ajuda",
    ),
    "nl": CallerWords(
        backchannels="mhm mm hm ah oh ja oké oke ok goed precies juist",
        goodbyes=r"goedendag|tot (?:ziens|straks|snel|morgen)|doei|fijne (?:dag|avond|middag)",
        courtesies=r"dank (?:u|je)|bedankt|insgelijks|u ook|hetzelfde|dat was het|dag",
        connectives=r"en|dan|wel|hartelijk|een|nog|voor (?:uw|de) hulp",
    ),
}


def caller_words(language: str) -> CallerWords:
    """The words of one of agents.choices.Language. The countries of a language share theirs."""
    return CALLER_WORDS[Language(language).split("-")[0]]
