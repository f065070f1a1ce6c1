"""Readers of objects that are no pictures. They run in the decode child."""
