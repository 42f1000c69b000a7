"""The synthetic caller: a telephone call into a LiveKit room, measured by ear."""

from simulator.caller.call import place_call
from simulator.caller.report import CallerEvent, CallReport, Utterance
from simulator.caller.settings import CallError, CallerSettings

__all__ = ["CallError", "CallReport", "CallerEvent", "CallerSettings", "Utterance", "place_call"]
