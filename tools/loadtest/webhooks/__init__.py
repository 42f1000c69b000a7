"""Webhooks alone, under Locust: what is sent, and how many a second one core takes."""
