"""The use cases, and the one place that loads settings and wires the stages."""
