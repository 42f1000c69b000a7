"""Prepares the accounts and servers that calls come through: LiveKit's SIP trunks, and Twilio's."""
