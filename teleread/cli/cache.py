"""`teleread cache`: what is held of pixels."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from teleread.cli.call import Call, read_words, subcommands
from teleread.model.errors import ExitCode, UsageError

__all__ = ["arguments", "run"]

_VERBS: Final = (
    ("list", "every held study"),
    ("where", "where a study lies, sealed, and every copy there was of it"),
    ("verify", "read every byte again and compare digests; what is damaged is fetched again"),
    ("purge", "shred a study; prints the purge receipt, the audit says so"),
    ("stats", "how much is held, how much may be, and what could go"),
    ("hold", "put a study under legal hold: nothing purges it"),
    ("release", "end a legal hold"),
    ("holds", "every study under legal hold"),
    ("receipts", "purge receipts, as the hub may ask for them"),
    ("first", "fetch a study before all others"),
    ("pause", "fetch a study later, or with no STUDY everything but what is open"),
    ("go", "go on fetching what was paused"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, _VERBS)
    for verb in ("where", "purge", "hold", "release", "first"):
        verbs[verb].add_argument("study", metavar="STUDY")
    for verb in ("verify", "pause", "go"):
        verbs[verb].add_argument("study", nargs="?", metavar="STUDY")
    for verb in ("hold", "release"):
        verbs[verb].add_argument("--reason", required=True, metavar="TEXT|-", help="why; - reads it")
    verbs["receipts"].add_argument("--hub", metavar="NAME", help="of this hub alone")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return _ACTS[call.args.verb or "list"](call)


def _list(call: Call) -> int:
    from teleread.workstation import pixels

    rows = pixels.studies(call.desk.core)
    call.out.document("cache", {"studies": rows})
    table = [
        (
            one["hub"],
            one["study_uid"],
            one["state"],
            f"{one['held']}/{one['expected'] or '?'}",
            one["bytes"],
            "on hold" if one["legal_hold"] else "",
        )
        for one in rows
    ]
    heads = ("HUB", "STUDY", "STATE", "INSTANCES", "BYTES", "")
    call.out.table(heads, table, empty="No study is held.")
    return 0


def _where(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.where(call.desk.core, call.args.study)
    call.out.document("cache-where", told)
    for path in told["segments"]:
        call.out.say(path)
    for one in told["copies"]:
        gone = f", purged {one['purged_at']} ({one['purged_why']})" if one["purged_at"] else ""
        call.out.say(f"copied {one['at']} ({one['why']}){gone}")
    return 0


def _verify(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.verify(call.desk.core, call.args.study)
    call.out.document("cache-verify", told)
    call.out.say(f"{told['verified']} instances hold; {len(told['damaged'])} are damaged.")
    for one in told["damaged"]:
        call.out.say(f"damaged, out of the index, fetched again: {one['study_uid']} {one['sop_uid']}")
    return int(ExitCode.INTEGRITY if told["damaged"] else ExitCode.DONE)


def _purge(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.purge(call.desk.core, call.args.study)
    call.out.document("cache-purge", told)
    call.out.say(
        f"Shredded: {told['instances']} instances, {told['bytes']} bytes. Receipt {told['receipt']}."
    )
    return 0


def _stats(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.stats(call.desk.core)
    call.out.document("cache-stats", told)
    call.out.say(
        f"{told['studies']} studies, {told['instances']} instances, {told['bytes']} bytes; "
        f"{told['free_bytes']} free, {told['room_bytes']} may still come, {told['evictable_bytes']} could go."
    )
    for words, count in told["kept"].items():
        call.out.say(f"{count} stay: {words}")
    return 0


def _hold(call: Call) -> int:
    from teleread.workstation import pixels

    reason = read_words(call.args.reason).strip()
    if not reason:
        raise UsageError("That needs a reason.", remedy="Give --reason -.", code="no-reason")
    told = pixels.legal_hold(call.desk.core, call.args.study, reason, off=call.args.verb == "release")
    call.out.document(f"cache-{call.args.verb}", told)
    call.out.say("Released." if call.args.verb == "release" else "Under legal hold: nothing purges it.")
    return 0


def _holds(call: Call) -> int:
    from teleread.workstation import pixels

    rows = pixels.legal_holds(call.desk.core)
    call.out.document("cache-holds", {"holds": rows})
    table = [(one["hub"], one["study_uid"], one["at"], one["reason"]) for one in rows]
    call.out.table(("HUB", "STUDY", "SINCE", "REASON"), table, empty="No study is under legal hold.")
    return 0


def _receipts(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.receipts(call.desk.core, call.args.hub)
    call.out.document("cache-receipts", told)
    table = [
        (one["receipt"], one["hub"], one["study_uid"], one["purged_at"], one["purged_why"])
        for one in told["receipts"]
    ]
    call.out.table(("RECEIPT", "HUB", "STUDY", "PURGED", "WHY"), table, empty="Nothing was purged yet.")
    return 0


def _wish(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.wish(call.desk.core, call.args.verb, call.args.study)
    call.out.document(f"cache-{call.args.verb}", told)
    call.out.say({"first": "First from now on.", "pause": "Paused.", "go": "Going on."}[call.args.verb])
    return 0


_ACTS: Final[dict[str, Callable[[Call], int]]] = {
    "list": _list,
    "where": _where,
    "verify": _verify,
    "purge": _purge,
    "stats": _stats,
    "hold": _hold,
    "release": _hold,
    "holds": _holds,
    "receipts": _receipts,
    "first": _wish,
    "pause": _wish,
    "go": _wish,
}
