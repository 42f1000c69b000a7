"""Twilio's REST API: trunks, numbers, calls and recordings."""
