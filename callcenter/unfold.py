"""How the admin looks and what its sidebar offers. https://unfoldadmin.com/docs/configuration/settings/"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

from callcenter import __version__


def unfold_settings(public_base_url: str, flower_port: int) -> dict[str, Any]:
    """Return the setting UNFOLD. Flower is linked where `scripts/demo` runs it: on the public host, at its own port."""
    public = urlsplit(public_base_url)
    flower = f"{public.scheme}://{public.hostname}:{flower_port}/"
    return {
        "SITE_TITLE": "Call center",
        "SITE_HEADER": "Call center",
        "SITE_SUBHEADER": f"Voice agents {__version__}",
        "SITE_SYMBOL": "support_agent",
        "SITE_URL": None,
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "8px",
        "DASHBOARD_CALLBACK": "calls.admin.dashboard.dashboard",
        "SITE_FAVICONS": [
            {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("callcenter/favicon.svg")}
        ],
        "STYLES": [lambda request: static("callcenter/admin.css")],
        "SCRIPTS": [lambda request: static("callcenter/accessible.js")],
        "COLORS": {"primary": _TEAL},
        "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": _navigation(flower)},
    }


def _navigation(flower: str) -> list[dict[str, Any]]:
    return [
        _group(
            "",
            _item("Dashboard", "space_dashboard", reverse_lazy("admin:index")),
            _model("Calls", "call", "calls", "call"),
            _item("Live calls", "headset_mic", reverse_lazy("desk:board"), _may_watch),
        ),
        _group(
            "Set-up",
            _model("Phone numbers", "dialpad", "calls", "phonenumber"),
            _model("Opening hours", "event_available", "calls", "openinghours"),
            _model("Personas", "support_agent", "agents", "persona"),
            _model("Versions", "history", "agents", "personaversion"),
        ),
        _group(
            "Operation",
            _model("Webhooks", "webhook", "calls", "webhookevent"),
            _model("Dead letters", "mail_off", "calls", "deadletter"),
            _model("Spoken lines", "record_voice_over", "agents", "spokenline"),
            _model("Periodic tasks", "schedule", "django_celery_beat", "periodictask"),
            _item("API", "api", reverse_lazy("api-docs")),
            {**_item("Workers (Flower)", "monitoring", flower, _is_superuser), "active": False},
        ),
        _group(
            "People",
            _model("Users", "person", "auth", "user"),
            _model("Groups", "group", "auth", "group"),
            _item(
                "Devices",
                "phonelink_lock",
                reverse_lazy("admin:otp_totp_totpdevice_changelist"),
                _is_superuser,
            ),
            _model("API tokens", "key", "callcenter", "apitoken"),
            _model("Tool secrets", "lock", "agents", "toolsecret"),
        ),
        _group(
            "Audit",
            _model("Audit log", "history_edu", "auditlog", "logentry"),
            _model("Deletions", "delete_forever", "calls", "erasure"),
            _model("Logins", "login", "axes", "accesslog"),
            _model("Failed logins", "gpp_bad", "axes", "accessfailurelog"),
            _model("Lockouts", "lock_clock", "axes", "accessattempt"),
        ),
    ]


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": bool(title), "items": list(items)}


def _model(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    def may_view(request: HttpRequest) -> bool:
        return request.user.has_perm(f"{app}.view_{model}")

    return _item(title, icon, reverse_lazy(f"admin:{app}_{model}_changelist"), may_view)


def _item(
    title: str, icon: str, link: object, permission: Callable[[HttpRequest], bool] | None = None
) -> dict[str, Any]:
    item = {"title": title, "icon": icon, "link": link}
    return {**item, "permission": permission} if permission else item


def _may_watch(request: HttpRequest) -> bool:
    return request.user.has_perm("calls.view_call")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


# Tailwind's teal (MIT): unfold's own purple says nothing about phones. From 600 on a shade darker, so that white on it,
# and it on white, has the contrast of 4.5 that WCAG asks for.
_TEAL = {
    "50": "oklch(98.4% .014 180.72)",
    "100": "oklch(95.3% .051 180.801)",
    "200": "oklch(91% .096 180.426)",
    "300": "oklch(85.5% .138 181.071)",
    "400": "oklch(77.7% .152 181.912)",
    "500": "oklch(70.4% .14 182.503)",
    "600": "oklch(51.1% .096 186.391)",
    "700": "oklch(43.7% .078 188.216)",
    "800": "oklch(38.6% .063 188.416)",
    "900": "oklch(33% .054 190)",
    "950": "oklch(27.7% .046 192.524)",
}
