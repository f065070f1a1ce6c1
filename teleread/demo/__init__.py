"""An embedded hub and archive for trying and testing. May import host and model alone."""
