"""Every URL of the product, except /health and /health/ready, which callcenter.health.probes answers."""

from django.contrib import admin
from django.contrib.auth.decorators import user_passes_test
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from access import second_factor
from calls.api.manual import ManualDispatchView
from calls.api.stats import StatsView
from calls.reporting import scraping

admin.autodiscover()
logged_in = user_passes_test(second_factor.opens_pages)
handler404 = "callcenter.http.unavailable.answer_not_found"
handler500 = "callcenter.http.unavailable.answer_page_error"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("desk/", include("desk.urls")),
    path("webhooks/", include("calls.webhooks.urls")),
    path("stats", StatsView.as_view(), name="stats"),
    path("manual/dispatch", ManualDispatchView.as_view(), name="manual-dispatch"),
    path("metrics", scraping.web_metrics, name="metrics"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path(
        "api/docs/",
        logged_in(SpectacularSwaggerSplitView.as_view(url_name="api-schema")),  # its script is a separate file
        name="api-docs",
    ),
    path("api/", include("desk.api.urls")),
    path("api/", include("calls.api.urls")),
]
