"""`teleread key`: change one way into the vault; have the signing key certified by a site."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, asker, subcommands
from teleread.model.errors import UsageError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(
        parser,
        (
            ("passphrase", "set another passphrase"),
            ("pin", "set another PIN"),
            ("recovery", "make a new recovery code; the old one opens nothing any more"),
            ("keyring", "let the system keyring open the vault"),
            ("request", "write a certificate request for a site's authority"),
            ("certificate", "take the certificate that the site's authority made"),
        ),
    )
    verbs["request"].add_argument("--out", required=True, metavar="PATH")
    verbs["request"].add_argument(
        "--hub", metavar="NAME", help="whose authority; needed where there are several"
    )
    verbs["certificate"].add_argument("path", metavar="PATH", help="PEM or DER")


def run(call: Call) -> int:
    """Change it."""
    from teleread.workstation import ways

    verb = call.args.verb
    if not verb:
        raise UsageError(
            "teleread key needs a verb.", remedy="See: teleread key --help", code="bad-arguments"
        )
    if verb in {"request", "certificate"}:
        return _certificate(call, verb)
    told = ways.change(call.desk.core, verb, asker())
    call.out.document("key", told)
    if "recovery_code" in told:
        call.out.say(f"Recovery code, shown this once: {told['recovery_code']}")
    call.out.say("Changed." if not told.get("new_signing_key") else "Changed; a new signing key was made.")
    return 0


def _certificate(call: Call, verb: str) -> int:
    from teleread.workstation import certificate

    core = call.desk.core
    if verb == "request":
        told = certificate.request(core, call.args.out, call.args.hub, asker())
        call.out.document("key-request", told)
        call.out.say(f"Written: {told['path']}. Send it to the site's certificate authority.")
    else:
        told = certificate.install(core, call.args.path)
        call.out.document("key-certificate", told)
        call.out.say(f"Kept. From now on signatures carry it; issued by {told['issuer']}.")
    return 0
