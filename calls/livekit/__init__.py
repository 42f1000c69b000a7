"""LiveKit outside a conversation: rooms, participants, dialing, announcements."""
