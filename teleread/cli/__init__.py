"""One file per noun, thin; every command has --json."""
