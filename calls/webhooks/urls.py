from django.urls import path

from calls.webhooks.livekit.views import livekit_webhook
from calls.webhooks.twilio.views import status_webhook, voice_webhook

urlpatterns = [
    path("livekit", livekit_webhook, name="livekit-webhook"),
    path("twilio/voice", voice_webhook, name="twilio-voice"),
    path("twilio/status", status_webhook, name="twilio-status"),
]
