"""What an agent says by itself, word for word, when something is wrong: in the language of its persona.

Callers are addressed as strangers on the telephone are: Sie, usted, vous, Lei, u. Portuguese does without an address,
so that the words suit Brazil and Portugal alike.
"""

from dataclasses import dataclass

from agents.choices import Language
from agents.models import PersonaVersion


@dataclass(frozen=True, slots=True)
class Phrases:
    """`goodbye` and `connecting` are the last words of a call that is given up, or transferred for that reason.

    Those two come with the program as recordings, too: who changes their words has them recorded again, as
    agents/voices/sounds/README.md says.
    """

    say_again: str
    hold_on: str  # while another language model is asked
    resumed: str  # by an agent that resumes the call of a lost one
    goodbye: str
    connecting: str


ENGLISH = Phrases(
    say_again="I am sorry, I did not get that. Could you say it again?",
    hold_on="One moment, please.",
    resumed="I am sorry, we were cut off for a moment.",
    goodbye="I am sorry, we have a technical problem. Please call again later. Goodbye.",
    connecting="I am sorry, we have a technical problem. I will connect you with somebody.",
)
PHRASES = {
    Language.ENGLISH_US: ENGLISH,
    Language.ENGLISH_GB: ENGLISH,
    Language.SPANISH: Phrases(
        say_again="Disculpe, no he entendido bien. ¿Podría repetirlo, por favor?",
        hold_on="Un momento, por favor.",
        resumed="Disculpe, la línea se ha cortado un momento.",
        goodbye="Lo siento, tenemos un problema técnico. Por favor, llame de nuevo más tarde. Adiós.",
        connecting="Lo siento, tenemos un problema técnico. Le paso con una persona que podrá ayudarle.",
    ),
    Language.FRENCH: Phrases(
        say_again="Excusez-moi, je n'ai pas bien compris. Pourriez-vous répéter, s'il vous plaît ?",
        hold_on="Un instant, s'il vous plaît.",
        resumed="Excusez-moi, la ligne a été coupée un instant.",
        goodbye="Veuillez nous excuser, nous avons un problème technique. "
        "Merci de rappeler un peu plus tard. Au revoir.",
        connecting="Veuillez nous excuser, nous avons un problème technique. "
        "Je vous mets en relation avec quelqu'un qui pourra vous aider.",
    ),
    Language.GERMAN: Phrases(
        say_again="Entschuldigung, das habe ich nicht verstanden. Könnten Sie es bitte noch einmal sagen?",
        hold_on="Einen Moment, bitte.",
        resumed="Entschuldigung, die Verbindung war kurz unterbrochen.",
        goodbye="Es tut mir leid, wir haben ein technisches Problem. Bitte rufen Sie später noch einmal an. "
        "Auf Wiederhören.",
        connecting="Es tut mir leid, wir haben ein technisches Problem. "
        "Ich verbinde Sie mit jemandem, der Ihnen weiterhelfen kann.",
    ),
    Language.ITALIAN: Phrases(
        say_again="Mi scusi, non ho capito bene. Potrebbe ripetere, per favore?",
        hold_on="Un momento, per favore.",
        resumed="Mi scusi, la linea si è interrotta per un momento.",
        goodbye="Mi dispiace, abbiamo un problema tecnico. La prego di richiamare più tardi. Arrivederci.",
        connecting="Mi dispiace, abbiamo un problema tecnico. La metto in contatto con qualcuno che potrà aiutarla.",
    ),
    Language.PORTUGUESE: Phrases(
        say_again="Desculpe, não entendi bem. Poderia repetir, por favor?",
        hold_on="Um momento, por favor.",
        resumed="Desculpe, a ligação foi interrompida por um momento.",
        goodbye="Lamento, estamos com um problema técnico. Por favor, ligue novamente mais tarde. Até logo.",
        connecting="Lamento, estamos com um problema técnico. Vou transferir a chamada para alguém que poderá ajudar.",
    ),
    Language.DUTCH: Phrases(
        say_again="Mijn excuses, ik heb u niet goed verstaan. Kunt u dat alstublieft herhalen?",
        hold_on="Een ogenblik, alstublieft.",
        resumed="Mijn excuses, de verbinding was even weg.",
        goodbye="Mijn excuses, we hebben een technische storing. Belt u alstublieft later nog eens terug. Goedendag.",
        connecting="Mijn excuses, we hebben een technische storing. "
        "Ik verbind u door met iemand die u verder kan helpen.",
    ),
}


def phrases_of(version: PersonaVersion) -> Phrases:
    """The phrases in the version's language."""
    return PHRASES[Language(version.language)]
