"""Dictations for a site's typists in a drop box: the sound, what it belongs to, and the text that comes back.

``typing/JOB.wav`` and ``typing/JOB.json`` are teleread's, the second made last; ``typing/JOB.typed.json`` is
the typist's and is only read. A job's name is random, so no two readers can meet in one.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from teleread.host.paths import atomic_write
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.text import SafeText, clean
from teleread.model.typing_jobs import Typed, TypingJob

__all__ = ["FOLDER", "FolderTyping"]

FOLDER: Final = "typing"
SCHEMA: Final = "teleread.typing/1"
MAX_TYPED: Final = 1024 * 1024
"""Largest answer of a typist, bytes."""
MAX_SECTIONS: Final = 40
_RATE: Final = 16_000
"""Samples a second of the sound, one channel of 16 bits."""
_JOB: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FolderTyping:
    """The typists' folder of one drop box; made with the first job, so that other sites never see one.

    Args:
        root: The drop box. OSError of its drive is the caller's to tell.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def hand_over(self, job: TypingJob, sound: bytes) -> None:
        """Put a dictation there: the sound first, then what it belongs to; again is the same again.

        Raises:
            OfflineError: ``unknown``: the drive does not give back what was written.
        """
        self._folder.mkdir(exist_ok=True)
        for suffix, data in ((".wav", _wav(sound)), (".json", _told(job))):
            path = self._path(job.id, suffix)
            atomic_write(path, data, mode=0o660)
            if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(data).digest():
                raise OfflineError(
                    "The drop box gives back other bytes than were written.",
                    "The sound is kept here, and the draft as it is.",
                    "Hand it over again. Tell the site to look at the drive.",
                    code="unknown",
                )

    def typed(self, job_id: str) -> Typed | None:
        """What a typist wrote; None as long as nothing came back.

        Raises:
            AttentionError: ``bad-typing``: it can't be read, or says that it belongs to another dictation.
        """
        try:
            with self._path(job_id, ".typed.json").open("rb") as file:
                raw = file.read(MAX_TYPED + 1)
        except FileNotFoundError:
            return None
        try:
            told = json.loads(raw) if len(raw) <= MAX_TYPED else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, Mapping):
            raise _bad("It is no JSON object of at most a mebibyte.")
        if told.get("job") != job_id:
            raise _bad("It does not name this dictation as its job.")
        return Typed(_name(told.get("typist")), _sections(told.get("sections")))

    def end(self, job_id: str, *, keep_sound: bool = False) -> None:
        """Take away what teleread put there; the typist's own file stays.

        Args:
            job_id: The job.
            keep_sound: The site keeps the sound.
        """
        for suffix in (".json",) if keep_sound else (".json", ".wav"):
            self._path(job_id, suffix).unlink(missing_ok=True)

    def _path(self, job_id: str, suffix: str) -> Path:
        if not _JOB.fullmatch(job_id):
            raise _bad("Its name is none of ours.")
        return self._folder / f"{job_id}{suffix}"


def _wav(sound: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", ""))
        file.writeframes(sound)
    return out.getvalue()


def _told(job: TypingJob) -> bytes:
    body = {
        "schema": SCHEMA,
        "job": job.id,
        "task": job.key.task_id,
        "accession": str(job.accession),
        "procedure": str(job.procedure),
        "reader": str(job.reader),
        "sound": f"{job.id}.wav",
        "sha256": job.sha256,
        "seconds": round(job.seconds, 1),
        "made": job.made.isoformat(),
        "answer": f"{job.id}.typed.json",
        "sections": {name: {"label": label, "text": text} for name, (label, text) in job.sections.items()},
    }
    return json.dumps(body, ensure_ascii=False, indent=1).encode("utf-8")


def _name(value: Any) -> SafeText:
    return clean(value, limit=120) if isinstance(value, str) and value.strip() else SafeText("a typist")


def _sections(value: Any) -> dict[str, SafeText]:
    if not isinstance(value, Mapping) or not value or len(value) > MAX_SECTIONS:
        raise _bad("It has no sections.")
    if not all(isinstance(text, str) for text in value.values()):
        raise _bad("A section of it is no text.")
    return {str(clean(name, limit=64)): clean(text, multiline=True) for name, text in value.items()}


def _bad(why: str) -> AttentionError:
    return AttentionError(
        "What the typist sent back can't be used.",
        f"{why} The draft is as it was.",
        "Ask the site to write it again; teleread help dictation shows the form.",
        code="bad-typing",
    )
