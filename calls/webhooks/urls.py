from django.urls import path

from calls.webhooks.views import livekit_webhook

urlpatterns = [path("livekit", livekit_webhook, name="livekit-webhook")]
