"""What happened in a call, in one plain sentence."""

from datetime import datetime, timedelta

import phonenumbers
from django.utils import timezone

from calls.models import Call, DeadLetter
from calls.models.dead_letter import Cause
from calls.states import TRANSFERRED_BECAUSE, Direction, EndReason, Status

EVENT_TITLES = {
    "agent_lost": "The worker that held the call was lost",
    "not_joined": "The agent and the caller did not hear each other",
    "failover": "Another provider took over",
    "recognizer_deaf": "The caller spoke and no words came: speech recognition was restarted",
    "voice_mute": "The agent had words and no sound came: the voice was restarted",
    "overflow": "Another persona may answer",
    "dialing": "The agent has joined, and the phone is ringing",
    "picked_up": "The phone was picked up",
    "transferred": "The caller was transferred",
    "twilio_trouble": "Twilio reported a problem with the call",
    "dead_letter": "A message about this call could not be processed",
    "supervisor_listens": "A supervisor began to listen",
    "whispered": "A supervisor whispered to the agent",
    "taken_over": "A supervisor took the call over",
    "handed_back": "The agent has the call again",
    "note": "Note",
    "sent_again": "The call was sent to the workers again",
}


def tell(call: Call) -> str:
    """Return one sentence about the call, whatever its state. Needs `phone_number` and `persona_version__persona`."""
    return f"{_outbound(call)}." if call.direction == Direction.OUTBOUND else f"{_beginning(call)}{_rest(call)}."


def tell_dead_letter(letter: DeadLetter) -> str:
    """Return one sentence about a message that no worker took. Needs `call`."""
    about = f"about the {_lower(call_title(letter.call))}" if letter.call else "that names no call"
    asked = f" ({letter.task})" if letter.cause == Cause.UNKNOWN_TASK else ""
    why = _lower(str(Cause(letter.cause).label))
    return f"A message {about} was set aside on {readable_time(letter.received_at)}: {why}{asked}."


def call_title(call: Call) -> str:
    """`Call from +1 202 555 0123`, or `Call to` when we called."""
    return f"Call {'to' if call.direction == Direction.OUTBOUND else 'from'} {_caller(call)}"


def event_title(kind: str) -> str:
    """The title, on the page of a call, of an event that is not a change of state."""
    return EVENT_TITLES.get(kind) or kind.replace("_", " ").replace(".", " ").capitalize()


def readable_number(number: str) -> str:
    """`+1 202 555 0123` for an E.164 number; anything else as it came in."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return text.replace("-", " ")


def readable_duration(duration: timedelta) -> str:
    """`0.4 s`, `12 s`, `1 min 12 s` or `1 h 3 min`; never negative."""
    seconds = max(duration.total_seconds(), 0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def readable_time(at: datetime) -> str:
    """`22 Nov 2026 at 13:02`, in the site's time zone."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %Y} at {local:%H:%M}"


def caller_name(call: Call) -> str:
    """The caller's number as people write it, or a word for a caller without one."""
    name = _caller(call)
    return name[:1].upper() + name[1:]


def called_name(call: Call) -> str:
    """The called number with its label, when it has one; the persona that was talked to without a number."""
    if call.is_test and not call.called_number and call.persona_version:
        return call.persona_version.persona.name
    number = readable_number(call.called_number) if call.called_number else "an unknown number"
    label = call.phone_number.label if call.phone_number else ""
    return f"{label} ({number})" if label else number


def agent_name(call: Call) -> str:
    """The persona and its version, as the caller heard it."""
    version = call.persona_version
    return str(version) if version else "an agent"


def _caller(call: Call) -> str:
    if call.caller_number:
        return readable_number(call.caller_number)
    return "someone in a browser" if call.is_test else "an anonymous caller"


def _beginning(call: Call) -> str:
    closed = ", outside its opening hours," if call.after_hours else ""
    return f"{caller_name(call)} called {called_name(call)}{closed} on {readable_time(call.created_at)}"


def _rest(call: Call) -> str:
    match Status(call.status):
        case Status.QUEUED:
            return _queued(call)
        case Status.CONNECTING:
            return f" and hears ringing: {agent_name(call)} is joining"
        case Status.IN_PROGRESS:
            return f"{_waited(call)} and has been talking with {agent_name(call)} for {_talked(call)}"
        case Status.COMPLETED:
            return f"{_waited(call)}, talked with {agent_name(call)} for {_talked(call)} {_completed(call)}"
        case Status.FAILED:
            return _failed(call)
        case Status.MISSED:
            return _missed(call)
        case Status.REJECTED:
            return _rejected(call)


def _waited(call: Call) -> str:
    return f", waited {readable_duration(call.wait)}"


def _queued(call: Call) -> str:
    if call.answered_at is None:
        return f" and has heard ringing for {readable_duration(call.wait)}: no agent has taken the call yet"
    return f"{_waited(call)}, talked with {agent_name(call)} and is waiting for another agent to resume"


def _missed(call: Call) -> str:
    match call.end_reason:
        case EndReason.NO_AGENT_FREE:
            heard = "that the number is closed" if call.after_hours else "that none is free"
            return f"{_waited(call)} for an agent, heard {heard}, and was disconnected"
        case EndReason.TRANSFERRED:
            to = call.phone_number.overflow_number if call.phone_number else ""
            return f"{_waited(call)} for an agent and was transferred to {_destination(to)}"
        case EndReason.HUNG_UP:
            return f"{_waited(call)} for an agent until a supervisor hung up"
        case _:
            return f"{_waited(call)} for an agent and hung up before one was free"


def _rejected(call: Call) -> str:
    match call.end_reason:
        case EndReason.AFTER_HOURS:
            return ", heard the message, and was disconnected"
        case EndReason.AFTER_HOURS_TRANSFERRED:
            to = call.phone_number.after_hours_number if call.phone_number else ""
            return f" and was transferred to {_destination(to)}"
        case _:
            return f" and was turned away: {_reason(call)}"


def _destination(number: str) -> str:
    return readable_number(number) or "another number"


def _talked(call: Call) -> str:
    return readable_duration(call.duration or timedelta(0))


def _completed(call: Call) -> str:
    persona = call.persona_version.persona.name if call.persona_version else "the agent"
    match call.end_reason:
        case EndReason.CALLER_LEFT:
            return "and the caller hung up"
        case EndReason.AGENT_GOODBYE:
            return f"until {persona} said goodbye and hung up"
        case EndReason.SILENCE:
            return f"and fell silent, so {persona} said goodbye and hung up"
        case EndReason.MAX_DURATION:
            return f"until the maximum duration was reached and {persona} hung up"
        case EndReason.HUNG_UP:
            return "until a supervisor hung up"
        case _:
            return f"until the call ended: {_reason(call)}"


def _outbound(call: Call) -> str:
    """Who called whom, and what came of it. The subject is the agent, who called."""
    begin = f"{agent_name(call)} called {_caller(call)} from {called_name(call)} on {readable_time(call.created_at)}"
    talked = f"{begin}, was answered after {readable_duration(call.wait)} and talked for {_talked(call)}"
    match Status(call.status):
        case Status.CONNECTING if call.answered_at is None:
            return f"{begin}: it rings"
        case Status.QUEUED if call.answered_at is None:
            to = f"{_caller(call)} from {called_name(call)}"
            return f"A call to {to} was requested on {readable_time(call.created_at)} and is waiting for an agent"
        case Status.CONNECTING | Status.QUEUED:
            return f"{talked}; another agent is taking over"
        case Status.IN_PROGRESS:
            return f"{talked} so far"
        case Status.COMPLETED if call.end_reason == EndReason.CALLER_LEFT:
            return f"{talked} until the other side hung up"
        case Status.COMPLETED:
            return f"{talked} {_completed(call)}"
        case _ if call.answered_at is None:
            return f"{begin} without success: {_reason(call)}"
        case _ if call.end_reason == EndReason.PROVIDER_FAILURE:
            return f"{talked} {_given_up(call)}"
        case _:
            return f"{talked} until the call was cut off: {_reason(call)}"


def _failed(call: Call) -> str:
    if call.answered_at is None:
        return f"{_waited(call)} and was never answered: {_reason(call)}"
    talked = f"{_waited(call)}, talked with {agent_name(call)} for {_talked(call)}"
    if call.end_reason == EndReason.PROVIDER_FAILURE:
        return f"{talked} {_given_up(call)}"
    return f"{talked} and was cut off: {_reason(call)}"


def _given_up(call: Call) -> str:
    """What the caller heard when no provider worked anymore: no caller is cut off without a word."""
    version = call.persona_version
    persona = version.persona.name if version else "the agent"
    if call.end_detail.startswith(TRANSFERRED_BECAUSE) and version:
        to = _destination(version.transfer_number)
        return f"until {_reason(call)}; {persona} transferred the caller to {to}"
    return f"until {_reason(call)}; {persona} apologized and hung up"


def _reason(call: Call) -> str:
    return _lower(str(EndReason(call.end_reason).label)) if call.end_reason else "unknown reason"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
