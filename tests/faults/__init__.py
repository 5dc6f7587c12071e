"""What happens when things break: the service killed at random, and the storage failing at named points."""
