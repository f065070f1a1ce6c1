"""From heard words to report text: pure functions that keep each word's place in the sound."""
