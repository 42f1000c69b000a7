"""A world of its own for benchmarks and the chaos soak: private services, simulated providers, our own processes."""

from tools.world.product import Product
from tools.world.world import BIN, World, answers, opened, remove, wait_for

__all__ = ["BIN", "Product", "World", "answers", "opened", "remove", "wait_for"]
