"""Talks to the platform through the Hub port. May import wire and below."""
