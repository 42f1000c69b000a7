"""The ASGI application that uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")

application = get_asgi_application()

# Models can be imported only now.
from callcenter import warm_up  # noqa: E402

warm_up.web()
