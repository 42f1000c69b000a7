from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = "Calls"

    def ready(self) -> None:
        from agents import lines
        from calls import overflow, reporting

        lines.say_in_advance(overflow.messages_of)
        post_migrate.connect(reporting.grant_after_migrate, sender=self)
