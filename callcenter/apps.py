from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class CallCenterConfig(AppConfig):
    name = "callcenter"
    label = "project"  # `callcenter` is the label of access, whose tables are older than its package
    verbose_name = "Call center"

    def ready(self) -> None:
        from callcenter import checks  # noqa: F401  registers the system checks
        from callcenter.environment import safe_start  # noqa: F401  likewise


class CallCenterAdminConfig(SimpleAdminConfig):
    """Django's admin with our site. callcenter.urls finds the admin pages: workers need none (14 MB)."""

    default_site = "access.site.CallCenterAdminSite"
