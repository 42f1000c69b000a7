from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class CallCenterConfig(AppConfig):
    name = "callcenter"
    verbose_name = "Call center"

    def ready(self) -> None:
        from callcenter import checks, safe_start  # noqa: F401  registers the system checks


class CallCenterAdminConfig(SimpleAdminConfig):
    """Django's admin with our site. callcenter.urls finds the admin pages: workers need none (14 MB)."""

    default_site = "callcenter.site.CallCenterAdminSite"
