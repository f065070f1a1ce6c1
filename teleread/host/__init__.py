"""The machine: clock, locks, capped children, paths. May import model."""
