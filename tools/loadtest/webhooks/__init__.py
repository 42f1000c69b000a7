"""Webhooks alone, under Locust: what is sent, and how many per second one core takes."""
