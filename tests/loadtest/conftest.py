"""A running product that is loaded."""

from tests.product.fixtures import number, quiet, stack, worker

__all__ = ["number", "quiet", "stack", "worker"]
