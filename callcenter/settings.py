"""All settings, read from the environment. `env.template` explains each; `manage.py check` names what is wrong.

A service URL that is empty means the private instance on this machine that `scripts/setup` prepares.
"""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import django_stubs_ext
import structlog

from callcenter import __version__
from callcenter.environment import variables
from callcenter.environment.providers import account_settings
from callcenter.environment.values import Env
from callcenter.unfold import unfold_settings

# Lets Django's classes carry type parameters at run time (ModelAdmin[Call]), as their stubs do.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()
env.read_env(BASE_DIR / ".env")
variables.refuse_unusable(os.environ)  # so no process starts with a value that it cannot use

# --- Django ---------------------------------------------------------------------------------------------------------
SECRET_KEY: str = env.str("DJANGO_SECRET_KEY", default="")
DEBUG: bool = env.bool("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
PUBLIC_BASE_URL: str = env.str("PUBLIC_BASE_URL", default="http://localhost:8080").rstrip("/")
VERSION = __version__

INSTALLED_APPS = [
    "django_prometheus",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "callcenter.apps.CallCenterAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_celery_beat",
    "django_structlog",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "auditlog",
    "knox",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "callcenter.apps.CallCenterConfig",
    "access.apps.AccessConfig",
    "agents.apps.AgentsConfig",
    "calls.apps.CallsConfig",
    "desk.apps.DeskConfig",
]

MIDDLEWARE = [
    "callcenter.health.probes.answer_probes",
    "calls.reporting.scraping.answer_scrapes",
    "callcenter.http.headers.add_headers",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "callcenter.http.bad_values.BadValuesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "callcenter.http.request_log.PrivateRequestMiddleware",
    "calls.privacy.audit.AuditMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "callcenter.urls"
ASGI_APPLICATION = "callcenter.asgi.application"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LANGUAGE_CODE = "en-us"
# What a day is, on pages, in filters and limits. Rows hold UTC.
TIME_ZONE: str = env.str("TIME_ZONE", default="").strip() or "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
# Served straight from the packages, so that no collectstatic has to run before the first page is shown.
SERVESTATIC_USE_FINDERS = True

# Cookies and transport follow the public address: a laptop speaks http, production https.
_TLS = urlsplit(PUBLIC_BASE_URL).scheme == "https"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SECURE_SSL_REDIRECT = _TLS
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _TLS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"

# --- Doors ----------------------------------------------------------------------------------------------------------
# Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto say who asks, and how. Nobody else's count.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
IPWARE_META_PRECEDENCE_ORDER = ("REMOTE_ADDR",)  # of django-structlog, which would believe headers
# Whether the admin requires a one-time code as well as the password.
ADMIN_REQUIRES_OTP: bool = env.bool("ADMIN_REQUIRES_OTP", default=not DEBUG)
OTP_TOTP_ISSUER = "Call center"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Five wrong passwords lock a name for one address only, so that nobody can lock the administrator out.
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "access.addresses.client_network"
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "otp_token"]  # never logged, nor is the password
LOGIN_RATE: str = env.str("LOGIN_RATE", default="30/min")
DISPATCH_RATE: str = env.str("DISPATCH_RATE", default="120/min")
# No inline script and no script from elsewhere. Alpine, which unfold's pages are made with, compiles the expressions in
# their attributes: 'unsafe-eval'. Styles may be inline, because bars have their width there.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "script-src-attr": ["'none'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
# What a tool's service checks, so that it knows who asks. Empty: requests are not signed.
TOOL_SIGNING_KEY: str = env.str("TOOL_SIGNING_KEY", default="")
# Networks that tools may call although the Internet cannot reach them.
TOOL_ALLOWED_NETWORKS: list[str] = env.list("TOOL_ALLOWED_NETWORKS", default=[])
# The first key encrypts, the others still decrypt: put a new one in front and run `manage.py rotate_secrets`.
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS", default=[])
# Retention of transcripts, in days, unless the number has its own; 0: forever.
CALLS_KEPT_DAYS: int = env.int("CALLS_KEPT_DAYS", default=0)
KNOX_TOKEN_MODEL = "callcenter.ApiToken"  # noqa: S105  the name of a model
MIGRATION_MODULES = {"knox": None}  # they would make the table of knox's own model, which is not used
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": timedelta(days=90)}
# Who changed what. Values that are secrets are left out, and so is what changes with every login.
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    "agents.Persona",
    "agents.PersonaTool",
    "agents.PersonaVersion",
    {"model": "agents.ToolSecret", "mask_fields": ["value"]},
    "calls.PhoneNumber",
    "calls.OpeningHours",
    "calls.OpeningInterval",
    "calls.Holiday",
    "calls.Erasure",
    {"model": "auth.User", "exclude_fields": ["last_login"], "mask_fields": ["password"], "m2m_fields": ["groups"]},
    {"model": "auth.Group", "m2m_fields": ["permissions"]},
    {"model": "callcenter.ApiToken", "include_fields": ["name", "scope", "user", "expiry"]},
    {"model": "otp_totp.TOTPDevice", "include_fields": ["user", "name", "confirmed"]},
    "django_celery_beat.PeriodicTask",
)

# --- Services -------------------------------------------------------------------------------------------------------
_POSTGRES = "postgres://callcenter:{}@127.0.0.1:{}/callcenter"
_RABBITMQ = "amqp://callcenter:{}@127.0.0.1:{}//"
_REDIS = "redis://:{}@127.0.0.1:{}/1"  # LiveKit's is database 0
DATABASE_URL: str = env.str("DATABASE_URL", default="") or _POSTGRES.format(
    quote(env.str("POSTGRES_PASSWORD", default=""), safe=""), env.int("POSTGRES_PORT", default=5442)
)
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"]["ENGINE"] = "django_prometheus.db.backends.postgresql"
# A pooled connection is asked before it is used, so that nothing fails after a restart of the database.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# One pool per process: an ASGI request runs in a thread of its own, so per-thread connections would never be reused.
# Whoever waits for a connection gives up after 2 s, so that LiveKit soon sends a webhook again. The pool gives up as
# soon: its pauses between attempts double, and it would notice a minute late that the database is back after a minute.
# PostgreSQL, too, notices soon that a process is gone or has stopped: until then it keeps what that one has locked, and
# whoever wants it waits, the sweep and the reaper included. In ms and s.
_SESSION = (
    "-c idle_in_transaction_session_timeout=10000 -c tcp_user_timeout=10000"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
)
_OPTIONS: dict[str, Any] = DATABASES["default"].get("OPTIONS", {})
DATABASES["default"]["OPTIONS"] = _OPTIONS | {
    # PGOPTIONS: callcenter.web's. psycopg would not look at it besides these.
    "options": " ".join(filter(None, [_SESSION, _OPTIONS.get("options"), os.environ.get("PGOPTIONS")])),
    "pool": {"min_size": 0, "max_size": 16, "timeout": 2, "reconnect_timeout": 2},
    "connect_timeout": 5,
    # A database that is cut off is noticed, too. In ms and s; TCP's own patience is a quarter of an hour.
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", default="") or _RABBITMQ.format(
    quote(env.str("RABBITMQ_PASSWORD", default=""), safe=""), env.int("RABBITMQ_PORT", default=5682)
)
CACHE_URL: str = env.str("CACHE_URL", default="") or _REDIS.format(
    quote(env.str("REDIS_PASSWORD", default=""), safe=""), env.int("REDIS_PORT", default=6389)
)
CACHES: dict[str, Any] = {
    # One a process, for what may be different in each.
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # What processes count together: logins and requests that write (common.counting). Nobody waits long for it.
    "shared": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "callcenter",
        "OPTIONS": {
            "serializer": "common.counting.JsonSerializer",
            "socket_connect_timeout": 0.5,
            "socket_timeout": 0.5,
        },
    },
}
LIVEKIT_URL: str = env.str("LIVEKIT_URL", default="") or f"ws://127.0.0.1:{env.int('LIVEKIT_PORT', default=7890)}"
LIVEKIT_API_KEY: str = env.str("LIVEKIT_API_KEY", default="")
LIVEKIT_API_SECRET: str = env.str("LIVEKIT_API_SECRET", default="")

# Whether 127.0.0.1 in addresses stands for other containers, as compose.yaml says.
IN_CONTAINERS: bool = env.bool("IN_CONTAINERS", default=False)
# Where browsers reach LiveKit: in containers through the site's proxy (docker/proxy/Caddyfile).
_LIVEKIT_BEHIND_PROXY = f"wss{PUBLIC_BASE_URL.removeprefix('https')}" if PUBLIC_BASE_URL.startswith("https") else ""
LIVEKIT_PUBLIC_URL: str = (
    env.str("LIVEKIT_PUBLIC_URL", default="") or (IN_CONTAINERS and _LIVEKIT_BEHIND_PROXY) or LIVEKIT_URL
)

# --- Providers ------------------------------------------------------------------------------------------------------
# Keys, addresses and prices of each provider in workers/providers, by the names that its manifest gives them.
globals().update(account_settings(env))
TWILIO_ACCOUNT_SID: str = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN: str = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_BASE_URL: str = env.str("TWILIO_BASE_URL", default="").rstrip("/")
TWILIO_SIP_DOMAIN: str = env.str("TWILIO_SIP_DOMAIN", default="")
TWILIO_SIP_USERNAME: str = env.str("TWILIO_SIP_USERNAME", default="callcenter")
TWILIO_SIP_PASSWORD: str = env.str("TWILIO_SIP_PASSWORD", default="")
LIVEKIT_SIP_URI: str = env.str("LIVEKIT_SIP_URI", default="")

# --- Capacity -------------------------------------------------------------------------------------------------------
MAX_CONCURRENT_AGENTS: int = env.int("MAX_CONCURRENT_AGENTS", default=100)
# Whom outbound calls and transfers may reach: calls/destinations.py. Empty: the countries of our own numbers.
OUTBOUND_COUNTRIES: list[str] = [code.upper() for code in env.list("OUTBOUND_COUNTRIES", default=[])]
OUTBOUND_ALLOWED_PREFIXES: list[str] = env.list("OUTBOUND_ALLOWED_PREFIXES", default=[])
OUTBOUND_DENIED_PREFIXES: list[str] = env.list("OUTBOUND_DENIED_PREFIXES", default=[])
OUTBOUND_DAILY_LIMIT: int = env.int("OUTBOUND_DAILY_LIMIT", default=1000)
# What a persona's transfer number must pass, by its path: agents does not import calls.
TRANSFER_NUMBER_CHECK = "calls.destinations.check"
INBOUND_RESERVE: int = env.int("INBOUND_RESERVE", default=2)
WORKER_SCALE_FACTOR: int = env.int("WORKER_SCALE_FACTOR", default=10)
# What a worker does with a call between its claim and its end. Only benchmarks name another coroutine.
CALL_RUNNER: str = env.str("CALL_RUNNER", default="workers.call.lifetime.connect_and_converse")
DRAIN_SECONDS: int = env.int("DRAIN_SECONDS", default=600)
AUDIO_BUFFER_SIZE: int = env.int("AUDIO_BUFFER_SIZE", default=512)
SPOOL_DIR: str = env.str("SPOOL_DIR", default="") or str(BASE_DIR / ".local/spool")
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# --- Metrics --------------------------------------------------------------------------------------------------------
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
METRICS_ALLOWED_NETWORKS: list[str] = env.list("METRICS_ALLOWED_NETWORKS", default=[])
METRICS_PORT: int = env.int("METRICS_PORT", default=0)
METRICS_HOST: str = env.str("METRICS_HOST", default="127.0.0.1")
METRICS_DIR: str = env.str("METRICS_DIR", default="") or str(BASE_DIR / ".local/metrics")

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.authentication.TokenAuthentication",
        "access.authentication.SessionAuthentication",
        # A password opens the API only where it opens the admin.
        *([] if ADMIN_REQUIRES_OTP else ["access.authentication.BasicAuthentication"]),
    ],
    "DEFAULT_THROTTLE_CLASSES": ["access.throttling.WriteThrottle"],
    "DEFAULT_THROTTLE_RATES": {"write": DISPATCH_RATE, "login": LOGIN_RATE},
    "NUM_PROXIES": 0,  # the address is the connection's, see access.addresses
    "DEFAULT_PERMISSION_CLASSES": ["access.permissions.ReadPermission"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["callcenter.rest.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "callcenter.http.unavailable.answer_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Call center",
    "DESCRIPTION": "Read calls, their turns, personas and phone numbers; place calls.",
    "VERSION": VERSION,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "callcenter.rest.openapi.document_errors",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Logs: structured, one line an event, with call_id; never a transcript, a full phone number or a key -------------
DJANGO_STRUCTLOG_REQUEST_CANCELLED_LOG_LEVEL = logging.INFO  # whoever closes a page that follows calls cancels one
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
_PRE_CHAIN: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "logger", "event", "call_id"], drop_missing=True
            ),
            "foreign_pre_chain": _PRE_CHAIN,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django_structlog": {"level": "WARNING"},
        # The same once more, with whole addresses: callcenter.http.request_log.
        "django.request": {"level": "CRITICAL"},
        "axes": {"level": "WARNING"},
        # Celery and beat would log a line for each housekeeping task, every two seconds.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        # LiveKit's native library logs every hang-up as errors of its data channels; real failures raise.
        "livekit": {"level": "CRITICAL"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_PRE_CHAIN,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

# --- Admin ----------------------------------------------------------------------------------------------------------
UNFOLD: dict[str, Any] = unfold_settings(PUBLIC_BASE_URL, env.int("FLOWER_PORT", default=5555))
