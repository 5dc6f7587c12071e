"""Servers that behave as the real ones do, for tests and benchmarks on loopback."""
