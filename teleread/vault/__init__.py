"""What is kept on this machine, sealed. May import host and model."""
