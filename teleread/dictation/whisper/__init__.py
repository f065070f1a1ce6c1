"""Whisper on ctranslate2: our own driver. Runs in the recogniser child alone; needs the extra `dictation`."""
