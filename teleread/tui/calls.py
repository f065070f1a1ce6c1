"""Calls of the workstation, off the UI thread and with a time limit.

Two threads: one for the vault, so that calls keep their order (a draft is saved before it is signed), and
one for what waits for the network, so that it never holds up a save.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from teleread.model.errors import OfflineError, TelereadError

__all__ = ["NETWORK_SECONDS", "VAULT_SECONDS", "Calls"]

VAULT_SECONDS: Final = 20.0
"""Longest wait for the vault, seconds."""
NETWORK_SECONDS: Final = 120.0
"""Longest wait for a hub's or archive's answer, seconds."""

P = ParamSpec("P")
T = TypeVar("T")


class Calls:
    """Runs blocking calls in order, on a thread each for vault and network."""

    def __init__(self) -> None:
        self._vault = ThreadPoolExecutor(1, "vault")
        self._network = ThreadPoolExecutor(1, "network")

    async def vault(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that reads or writes the vault.

        Raises:
            TelereadError: The call's own, or one for no answer in time.
        """
        return await self._run(self._vault, VAULT_SECONDS, partial(call, *args, **kwargs))

    async def network(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that asks a hub or an archive.

        Raises:
            TelereadError: The call's own, or one for no answer in time.
        """
        return await self._run(self._network, NETWORK_SECONDS, partial(call, *args, **kwargs))

    async def _run(self, pool: ThreadPoolExecutor, limit: float, call: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(pool, call)
        try:
            return await asyncio.wait_for(asyncio.shield(future), limit)
        except TimeoutError:
            if pool is self._network:
                raise OfflineError(
                    "No answer in time.", "What was asked for may still happen.", code="unknown"
                ) from None
            raise TelereadError("The vault did not answer in time.", "What was saved is safe.") from None

    def close(self) -> None:
        """Finish what the vault was asked for; forget what waits for the network."""
        self._network.shutdown(wait=False, cancel_futures=True)
        self._vault.shutdown(wait=True)
