"""Events about calls from LiveKit and Twilio."""
