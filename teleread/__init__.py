"""teleread: a reporting workstation for radiologists who read away from the hospital."""

__version__ = "0.1.0"
