from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = "Calls"

    def ready(self) -> None:
        from agents.voices import fixed_lines
        from calls.lifecycle import overflow
        from calls.reporting import database_role

        fixed_lines.say_in_advance(overflow.messages_of)
        post_migrate.connect(database_role.grant_after_migrate, sender=self)
