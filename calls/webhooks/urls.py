from django.urls import path

from calls.webhooks.twilio_views import status_webhook, voice_webhook
from calls.webhooks.views import livekit_webhook

urlpatterns = [
    path("livekit", livekit_webhook, name="livekit-webhook"),
    path("twilio/voice", voice_webhook, name="twilio-voice"),
    path("twilio/status", status_webhook, name="twilio-status"),
]
