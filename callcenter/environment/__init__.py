"""The environment: what each variable may hold, and what must not be left at its default."""
