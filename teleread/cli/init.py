"""`teleread init`: set up this machine, or add a hub."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, cast

from teleread.cli.call import Call, asker
from teleread.model.hubfile import AUTHS, KEY_ALGS, PLATFORMS

if TYPE_CHECKING:
    from teleread.workstation.setup import Done, HubAnswers

__all__ = ["arguments", "run"]

_TEXTS = (
    ("--fhir", "URL", "base address of the hub's FHIR R4 server"),
    ("--ups-rs", "URL", "base address of the hub's UPS-RS worklist; reports go to --dicomweb"),
    ("--ups", "AET@HOST:PORT", "a UPS worklist over DIMSE; reports go to --dicomweb or --dimse"),
    ("--mwl", "AET@HOST:PORT", "a Modality Worklist; reports go to --dicomweb, --dimse or --hl7"),
    ("--folder", "DIR", "a folder on a shared drive: orders in, reports out"),
    ("--hl7", "HOST:PORT", "the site's HL7 v2 receiver (MLLP): reports go there"),
    ("--hl7-name", "NAME", "the name its certificate carries, where it is another than HOST"),
    ("--hl7-listen", "[HOST:]PORT", "where the site may send orders and ADT by MLLP while the engine runs"),
    ("--dicomweb", "URL", "base address of the archive's DICOMweb"),
    ("--dimse", "AET@HOST:PORT", "the archive's DIMSE address"),
    ("--user", "NAME", "user name for --auth basic"),
    ("--secret-file", "PATH", "file with the password or token; it is kept in the vault"),
    ("--ca-file", "PATH", "certificate authority of the hub, PEM"),
    ("--client-cert", "PATH", "client certificate and key, PEM"),
    ("--allow-plain-http", "REASON", "why http:// beyond this machine is right here"),
    ("--aet", "AET", "our own AE title"),
    ("--site-phone", "N", "telephone number shown when a stat report is not issued"),
    ("--reader-id", "ID", "who you are at this hub"),
    ("--reader-name", "NAME", "your name as signed"),
    ("--patient-id-issuer", "SYSTEM", "whose the archive's bare patient numbers are"),
    ("--issuer", "URL", "the identity server; without it the hub says which (device, pkce, smart)"),
    ("--client-id", "ID", "what the identity server knows teleread as"),
    ("--scopes", "WORDS", "the scopes to ask for"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--hub", metavar="NAME", help="a name for the hub")
    for flag, metavar, text in _TEXTS:
        parser.add_argument(flag, metavar=metavar, help=text)
    parser.add_argument("--auth", choices=AUTHS, help="how to sign in; the page sign-in tells")
    parser.add_argument("--key-alg", choices=KEY_ALGS, help="the key of --auth smart (default ES384)")
    parser.add_argument(
        "--system-reports",
        action="store_true",
        default=None,
        help="the site takes your reports under the sign-in of --auth smart",
    )
    parser.add_argument("--hl7-tls", action="store_true", default=None, help="TLS on the way to --hl7")
    parser.add_argument(
        "--hl7-listen-tls",
        action="store_true",
        default=None,
        help="TLS at --hl7-listen, both sides certified",
    )
    parser.add_argument(
        "--hl7-from", action="append", metavar="NET", help="who may send to --hl7-listen; may be repeated"
    )
    parser.add_argument("--listen", type=int, metavar="PORT", help="port of our own storage SCP for C-MOVE")
    parser.add_argument("--no-input", action="store_true", help="ask nothing; everything comes from flags")


def run(call: Call) -> int:
    """Set up."""
    from teleread.workstation.setup import HubAnswers, set_up

    args = call.args
    ask = None if args.no_input else asker()
    answers = HubAnswers(
        name=args.hub,
        fhir=args.fhir,
        ups_rs=args.ups_rs,
        ups=args.ups,
        mwl=args.mwl,
        folder=args.folder,
        dicomweb=args.dicomweb,
        dimse=args.dimse,
        auth=args.auth,
        user=args.user,
        secret_file=args.secret_file,
        ca_file=args.ca_file,
        client_cert=args.client_cert,
        allow_plain_http=args.allow_plain_http,
        aet=args.aet,
        listen=args.listen,
        site_phone=args.site_phone,
        reader_id=args.reader_id,
        reader_name=args.reader_name,
        patient_id_issuer=args.patient_id_issuer,
        issuer=args.issuer,
        client_id=args.client_id,
        scopes=args.scopes,
        key_alg=args.key_alg,
        system_reports=args.system_reports,
        hl7=args.hl7,
        hl7_tls=args.hl7_tls,
        hl7_name=args.hl7_name,
        hl7_listen=args.hl7_listen,
        hl7_listen_tls=args.hl7_listen_tls,
        hl7_from=args.hl7_from,
    )
    if ask is not None:
        answers = _wizard(call, answers)
    done = set_up(call.paths, answers, ask=ask)
    call.out.document(
        "init",
        {
            "profile": call.paths.name,
            "hub": done.hub.name,
            "hub_id": done.hub.hub_id,
            "reader_name": done.hub.reader_name,
            "created": done.created,
            "opened_by": list(done.ways),
            "recovery_code": done.recovery_code,
        },
    )
    call.out.say(f"Hub {done.hub.name} is set up. Reports for it are signed as {done.hub.reader_name}.")
    if done.recovery_code and not call.out.json_mode:
        call.out.say(
            f"Recovery code, shown this once: {done.recovery_code}\n"
            "Write it down and keep it away from this machine: it opens the vault when all else is lost."
        )
    if ask is None:
        return _to_sign_in(call, done)
    if done.created:
        from .microphone import offer

        offer(call)
    return _sign_in(call, done)


def _to_sign_in(call: Call, done: Done) -> int:
    """Say what is left to do where nobody is asked."""
    from teleread.workstation.signin import BY_TOKENS

    if done.hub.auth in BY_TOKENS:
        verb = "keys" if done.hub.auth == "smart" else "sign-in"
        call.out.note(f"Next: teleread hub {verb} {done.hub.name}")
    return 0


def _sign_in(call: Call, done: Done) -> int:
    """Sign in at once, where somebody sits there; what was set up stays, whatever comes of it."""
    from teleread.workstation.signin import BY_TOKENS

    if done.hub.auth not in BY_TOKENS - {"smart"}:
        return _to_sign_in(call, done)
    from .signin import sign_in

    return sign_in(call, done.hub)


def _wizard(call: Call, answers: HubAnswers) -> HubAnswers:
    from dataclasses import replace

    from teleread.workstation.setup import name_in_use

    signs = name_in_use(call.paths)
    questions = (
        ("name", "Name for the hub"),
        ("fhir", "Address of its FHIR server (https://...)"),
        ("dicomweb", "Address of the archive's DICOMweb (empty for none)"),
        ("dimse", "DIMSE address AET@HOST:PORT (empty for none)"),
        ("reader_id", "Your id at this hub"),
        ("reader_name", f"Your name as signed (empty: {signs})" if signs else "Your name as signed"),
        ("site_phone", "The site's telephone number"),
    )
    for field, question in questions:
        if field == "fhir" and any(getattr(answers, kind) for kind in PLATFORMS if kind != field):
            continue
        if getattr(answers, field) is None:
            call.out.note(f"{question}: ")
            answers = replace(answers, **cast("dict[str, Any]", {field: input().strip()}))
    return answers
