from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = "Calls"

    def ready(self) -> None:
        from agents import lines
        from calls import overflow

        lines.say_in_advance(overflow.messages_of)
