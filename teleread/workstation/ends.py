"""Ends: a hub removed, a profile wiped; refused while reports are undelivered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from teleread.vault import ends

from .core import Core
from .hubfiles import named_hub, remove_hub_file

if TYPE_CHECKING:
    from teleread.vault.ends import PurgeReceipt

__all__ = ["remove_hub", "wipe"]


def remove_hub(core: Core, name: str) -> dict[str, Any]:
    """Shred everything of a hub, then its file; the receipt.

    Raises:
        UsageError: There is no such hub.
        AttentionError: ``undelivered``.
    """
    hub = named_hub(core.paths, name)
    receipt = ends.remove_hub(core.vault, hub.hub_id)
    remove_hub_file(core.paths, name)
    return {"hub": name, **_json(receipt)}


def wipe(core: Core, discard_undelivered: int | None) -> dict[str, Any]:
    """Destroy the profile: vault, then configuration; the receipt lists what was lost.

    Raises:
        AttentionError: ``undelivered``.
    """
    import shutil

    from teleread.vault.keys import KeyFile
    from teleread.vault.secrets import KeyringSecrets

    ways = KeyFile.load(core.paths.keys).ways
    receipt = ends.wipe(
        core.vault,
        discard_undelivered=discard_undelivered,
        secrets=KeyringSecrets() if "keyring" in ways else None,
    )
    shutil.rmtree(core.paths.config, ignore_errors=True)
    told = _json(receipt)
    lost = [one for one in told["reports"] if not one["delivered"]]
    return {"profile": core.paths.name, **told, "discarded": [one["sha256"] for one in lost]}


def _json(receipt: PurgeReceipt) -> dict[str, Any]:
    told = asdict(receipt)
    told["at"] = receipt.at.isoformat().replace("+00:00", "Z")
    return told
