"""What the callers of these tests say, and what their agent answers."""

GREETING = "Hello, this is Anna."
HOURS = ("Hello, what are your opening hours?", "We are open from nine to five.")
APPOINTMENT = ("I would like to book an appointment.", "Your appointment is on Tuesday.")
AGENT = f"""
agent:
  default: "Could you say that again?"
  rules:
    - {{when: [appointment], say: "{APPOINTMENT[1]}"}}
    - {{when: [opening hours], say: "{HOURS[1]}"}}
"""

_QUESTION = """
    - say: "Hello, what are your opening hours?"
    - wait_for_reply: {timeout_s: 20}
"""
_AGENT = """
agent:
  default: "Could you say that again?"
  rules:
    - {when: [opening hours], say: "We are open from nine to five."}
"""


def chat(questions: int, then: str = "hang_up") -> str:
    """A caller who asks the same as often, and then does the last step."""
    begin = "name: chat\ncaller:\n  steps:\n    - wait_for_reply: {timeout_s: 60}"
    return f"{begin}{questions * _QUESTION}    - {then}{_AGENT}"


def comes_again(questions: int) -> str:
    """A caller who is in a conversation already, asks the same as often, and hangs up."""
    return f"name: comes again\ncaller:\n  steps:{questions * _QUESTION}    - hang_up{_AGENT}"


SHORT_CHAT = chat(1)
LONG_CHAT = chat(10)
ENDLESS_CHAT = chat(100)
QUIET_CHAT = chat(1, then="stay_silent: {seconds: 120}")
