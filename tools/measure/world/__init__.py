"""A world of its own for benchmarks and the chaos soak: private services, simulated providers, our own processes."""

from tools.measure.world.product import Product
from tools.measure.world.world import BIN, World, answers, opened, remove, wait_for

__all__ = ["BIN", "Product", "World", "answers", "opened", "remove", "wait_for"]
