"""What happens to a call: numbers, calls and their state machine, turns, events, webhooks, API and admin."""
