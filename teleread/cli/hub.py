"""`teleread hub`: list, show or remove hubs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any, Final

from teleread.cli.call import Call, subcommands
from teleread.model.hubfile import HubFile

__all__ = ["arguments", "run"]

_BY_TOKENS: Final = frozenset({"device", "pkce", "smart"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(
        parser,
        (
            ("list", "every hub of this profile"),
            ("show", "one hub file"),
            ("remove", "shred what is kept of a hub"),
            ("sign-in", "sign in at a hub's identity server, by a code or a browser"),
            ("sign-out", "forget a hub's sign-in"),
            ("keys", "the public key a hub knows this system by (--auth smart), for the site"),
        ),
    )
    for verb in ("show", "remove", "sign-in", "sign-out", "keys"):
        verbs[verb].add_argument("name", metavar="NAME")
    verbs["keys"].add_argument("--new", action="store_true", help="make another key first")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return _VERBS.get(call.args.verb or "list", _list)(call)


def _list(call: Call) -> int:
    from teleread.workstation.hubfiles import load_hubs

    hubs = load_hubs(call.paths)
    call.out.document("hub-list", {"hubs": [hub_json(one) for one in hubs]})
    call.out.table(
        ("HUB", "WORKLIST", "DICOMWEB", "DIMSE", "SIGN-IN"),
        [
            (
                one.name,
                str(getattr(one, one.platform)) if one.platform else "",
                one.dicomweb,
                str(one.dimse or ""),
                one.auth,
            )
            for one in hubs
        ],
        empty="No hub yet. teleread init adds one.",
    )
    return 0


def _show(call: Call) -> int:
    from teleread.workstation.hubfiles import named_hub

    told = hub_json(named_hub(call.paths, call.args.name))
    call.out.document("hub", told)
    call.out.table(("KEY", "VALUE"), [(key, "" if value is None else value) for key, value in told.items()])
    return 0


def _remove(call: Call) -> int:
    from teleread.workstation import ends

    receipt = ends.remove_hub(call.desk.core, call.args.name)
    call.out.document("purge-receipt", receipt)
    call.out.say(f"{call.args.name} is removed and what was kept of it is shredded.")
    return 0


def _sign_in(call: Call) -> int:
    from teleread.workstation.hubfiles import named_hub

    from .signin import sign_in

    return sign_in(call, named_hub(call.paths, call.args.name))


def _sign_out(call: Call) -> int:
    from teleread.workstation import signin
    from teleread.workstation.hubfiles import named_hub

    hub = named_hub(call.paths, call.args.name)
    told = signin.sign_out(call.desk.core, hub)
    call.out.document("hub-sign-out", {"hub": hub.name, "revoked": told})
    call.out.say(
        f"The sign-in at {hub.name} is forgotten here"
        + (", and the identity server was told." if told else "; the identity server was not told.")
    )
    return 0


def _keys(call: Call) -> int:
    from teleread.workstation import signin
    from teleread.workstation.hubfiles import named_hub

    hub = named_hub(call.paths, call.args.name)
    found = signin.site_keys(call.desk.core, hub, fresh=call.args.new)
    call.out.document("hub-keys", found)
    call.out.note(f"Give this to the site of {hub.name}, for the client {hub.client_id}:")
    if not call.out.json_mode:
        call.out.say(json.dumps(found, indent=2))
    return 0


_VERBS: Final[dict[str, Callable[[Call], int]]] = {
    "show": _show,
    "remove": _remove,
    "sign-in": _sign_in,
    "sign-out": _sign_out,
    "keys": _keys,
}


def hub_json(hub: HubFile) -> dict[str, Any]:
    """A hub file without secrets (they are in the vault)."""
    return {
        "name": hub.name,
        "hub_id": hub.hub_id,
        "fhir": hub.fhir or None,
        "ups_rs": hub.ups_rs or None,
        "ups": str(hub.ups) if hub.ups else None,
        "mwl": str(hub.mwl) if hub.mwl else None,
        "folder": hub.folder or None,
        "hl7": str(hub.hl7) if hub.hl7 else None,
        "hl7_listen": str(hub.hl7_listen) if hub.hl7_listen else None,
        "hl7_from": list(hub.hl7_from),
        "dicomweb": hub.dicomweb or None,
        "dimse": str(hub.dimse) if hub.dimse else None,
        "auth": hub.auth,
        "user": hub.user or None,
        "issuer": hub.issuer or None,
        "client_id": hub.client_id if hub.auth in _BY_TOKENS else None,
        "scopes": hub.scopes or None,
        "aet": hub.aet,
        "listen": hub.listen or None,
        "ca_file": hub.ca_file or None,
        "client_cert": hub.client_cert or None,
        "allow_plain_http": hub.allow_plain_http or None,
        "site_phone": hub.site_phone or None,
        "reader_id": hub.reader_id or None,
        "reader_name": hub.reader_name or None,
        "patient_id_issuer": hub.patient_id_issuer or None,
        "undo_minutes": hub.undo_minutes,
        "escalate_minutes": hub.escalate_minutes,
        "sign_again_hours": hub.sign_again_hours,
        "offline_hours": hub.offline_hours,
        "system_reports": hub.system_reports,
        "rights": list(hub.rights),
    }
