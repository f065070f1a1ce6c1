"""The terminal face: the only place that imports Textual. May import the workstation and what is below it."""

from .environment import scrub

scrub()  # Textual reads its environment once, when it is first imported
