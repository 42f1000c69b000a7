from django.apps import AppConfig


class CallCenterConfig(AppConfig):
    name = "callcenter"

    def ready(self) -> None:
        from callcenter import checks  # noqa: F401  registers the system checks
