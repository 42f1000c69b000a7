"""The ASGI application that callcenter.web serves."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import resolve, reverse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from callcenter.http.http_only import HttpOnly

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")

site = HttpOnly(get_asgi_application())

# Models can be imported only now.
from callcenter.environment import safe_start  # noqa: E402
from callcenter.http import warm_up  # noqa: E402
from callcenter.http.at_once import AtOnce, always_allowed  # noqa: E402
from callcenter.http.request_limits import RequestLimits  # noqa: E402
from calls.webhooks.asgi import Webhooks  # noqa: E402

WEBHOOKS = ("livekit-webhook", "twilio-status", "twilio-voice")
THREADS = 6  # each takes one of the connections of the database's pool
OTHERS = 7  # requests of people and programs at once, for whom the others are, but for three for the probes and metrics

safe_start.refuse_unsafe_secrets()
warm_up.web()
views = {path: resolve(path).func for path in map(reverse, WEBHOOKS)}
others = AtOnce(site, OTHERS, always_allowed())
webhooks = Webhooks(others, views, ThreadPoolExecutor(THREADS, thread_name_prefix="webhook"))
# Who asks, and whether by https, is what the connection says, unless it comes from one of these.
behind_proxies: Any = ProxyHeadersMiddleware(webhooks, settings.TRUSTED_PROXIES)  # type: ignore[arg-type]  # uvicorn's own types of ASGI
application = RequestLimits(behind_proxies, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
