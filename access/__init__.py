"""Who may do what: people, devices, API tokens, permissions, throttling, the audit log."""
