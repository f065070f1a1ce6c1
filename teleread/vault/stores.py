"""The vault's stores, each named once. Those that not every command needs are loaded when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from teleread.host.clock import Clock
from teleread.host.paths import ProfilePaths

from .audit import Audit
from .ballast import Ballast
from .claims import Claims
from .database import Database
from .drafts import Drafts
from .holders import Holders
from .hub_secrets import HubSecrets
from .outbox import Outbox
from .pin import Pin
from .prior_reports import PriorReports
from .reports import Reports
from .seal import Kdf, derive
from .worklist import Worklist

if TYPE_CHECKING:
    from .copies import Copies
    from .exchange import Events, Requests
    from .holds import Holds
    from .news import News
    from .objects import Objects
    from .phrases import Phrases
    from .picture_marks import PictureMarks
    from .signing_keys import SigningKeys
    from .studies import Studies
    from .study_keys import StudyKeys
    from .wishes import Wishes

__all__ = ["Stores"]


class Stores:
    """What the vault holds, by name; `teleread.vault.vault.Vault` opens it."""

    paths: ProfilePaths
    clock: Clock
    device: str
    reports_database: Database
    cache_database: Database

    def _make_stores(self, master: bytes, kdf: Kdf, ballast_bytes: int) -> None:
        reports, cache, clock = self.reports_database, self.cache_database, self.clock
        self._study_wrapping = derive(master, "study-keys")
        self.holders = Holders(self.paths.data / "holders")
        self.ballast = Ballast(self.paths.ballast, ballast_bytes)
        self.audit = Audit(reports, clock, derive(master, "audit"))
        self.pin = Pin(reports, master, self.audit, kdf)
        self.hub_secrets = HubSecrets(reports)
        self.drafts = Drafts(reports, clock, self.audit, self.holders)
        self.reports = Reports(reports)
        self.outbox = Outbox(reports, clock, self.audit, self.device)
        self.claims = Claims(reports, clock, self.audit)
        self.prior_reports = PriorReports(cache)
        self.worklist = Worklist(cache, self.prior_reports)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """Signing keys, and every public one this vault ever had."""
        from . import signing_keys

        return signing_keys.SigningKeys(self.reports_database, self.clock)

    @cached_property
    def phrases(self) -> Phrases:
        """The reader's own autotexts and words."""
        from . import phrases

        return phrases.Phrases(self.reports_database)

    @cached_property
    def picture_marks(self) -> PictureMarks:
        """Measurements and key images."""
        from . import picture_marks

        return picture_marks.PictureMarks(self.reports_database, self.clock)

    @cached_property
    def copies(self) -> Copies:
        """The copy ledger."""
        from . import copies

        return copies.Copies(self.reports_database, self.clock)

    @cached_property
    def study_keys(self) -> StudyKeys:
        """One key a study."""
        from . import study_keys

        return study_keys.StudyKeys(self.reports_database, self._study_wrapping, self.audit, self.copies)

    @cached_property
    def studies(self) -> Studies:
        """The index of what is held of pixels."""
        from . import studies

        return studies.Studies(self.cache_database, self.clock)

    @cached_property
    def objects(self) -> Objects:
        """The sealed images."""
        from . import objects

        keys, cache = self.study_keys, self.cache_database
        return objects.Objects(self.paths.objects, cache, keys, self.copies, self.holders, self.clock)

    @cached_property
    def requests(self) -> Requests:
        """What the engine is asked to do."""
        from . import exchange

        return exchange.Requests(self.cache_database, self.clock)

    @cached_property
    def events(self) -> Events:
        """What was noticed or done."""
        from . import exchange

        return exchange.Events(self.cache_database, self.clock)

    @cached_property
    def news(self) -> News:
        """What moved while nobody could ask."""
        from . import news

        return news.News(self.cache_database)

    @cached_property
    def wishes(self) -> Wishes:
        """What the reader wants of prefetching."""
        from . import wishes

        return wishes.Wishes(self.cache_database, self.clock)

    @cached_property
    def holds(self) -> Holds:
        """Studies under legal hold."""
        from . import holds

        return holds.Holds(self.reports_database, self.clock, self.audit)
