"""The ASGI application that uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")

application = get_asgi_application()

# Models can be imported only now.
from callcenter import safe_start, warm_up  # noqa: E402

safe_start.refuse_unsafe_secrets()
warm_up.web()
