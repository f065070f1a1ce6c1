"""How bytes travel, under caps. May import vault and below."""
