"""Reasons for rules, as a command takes them: ``--override RULE=REASON``, or a file of such lines."""

from __future__ import annotations

import argparse

from teleread.cli.call import MAX_TYPED, Call, read_words
from teleread.model.errors import UsageError
from teleread.model.report import Override
from teleread.model.text import clean

__all__ = ["arguments", "given"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--override", action="append", default=[], metavar="RULE=REASON")
    parser.add_argument("--override-file", metavar="PATH|-", help="one RULE=REASON a line; - reads them")


def given(call: Call) -> list[Override]:
    """The reasons a call gives.

    Raises:
        UsageError: One is not of the form RULE=REASON, or the file is too large.
    """
    return [_override(one) for one in call.args.override] + _file(call.args.override_file)


def _override(text: str) -> Override:
    rule, equals, reason = text.partition("=")
    if not equals or not rule.strip() or not reason.strip():
        raise UsageError(
            "An override is of the form RULE=REASON.",
            remedy="teleread report check names the rules.",
            code="bad-override",
        )
    return Override(rule.strip(), clean(read_words(reason.strip())))


def _file(path: str | None) -> list[Override]:
    if path is None:
        return []
    if path == "-":
        text = read_words("-")
    else:
        with open(path, "rb") as file:
            raw = file.read(MAX_TYPED + 1)
        if len(raw) > MAX_TYPED:
            raise UsageError("The file of overrides is too large.", code="too-long")
        text = raw.decode("utf-8", "replace")
    return [_override(line) for line in text.splitlines() if line.strip()]
