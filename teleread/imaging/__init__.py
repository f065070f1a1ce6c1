"""Frames to pictures to terminal cells. May import wire and below."""
