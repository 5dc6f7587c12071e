"""How Мост runs and how its messages travel. Must import nothing heavy: the bootstrap passes through here."""

__version__ = "0.1.0"
