"""Where pixels come from: the Archive port, planner and fetcher. May import wire and below."""
