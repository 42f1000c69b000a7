"""What stands between processes and services, and can be cut, slowed down or doubled."""
