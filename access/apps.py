from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    label = "callcenter"  # tables, permissions and migrations are older than this package
    verbose_name = "Access"
