"""A running product for the tests of whole calls."""

from tests.product.fixtures import number, quiet, stack, worker

__all__ = ["number", "quiet", "stack", "worker"]
