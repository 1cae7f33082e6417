"""Resources: they only build plain objects, for one run or one tick, and close what they opened."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import ConfigurableResource, InitResourceContext
from pydantic import PrivateAttr
from sqlalchemy import Engine

from staxpipe.aws.link_billing import LinkBilling
from staxpipe.aws.link_bucket import link_bucket
from staxpipe.aws.sessions import operator_session
from staxpipe.comparison.run import Billing
from staxpipe.db.engine import make_engine
from staxpipe.db.links import Link
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.gather import look
from staxpipe.errors import PermanentError
from staxpipe.exports.bucket import Bucket
from staxpipe.ingest.platform import Platform
from staxpipe.settings import Settings, read_settings


class StaxpipeResource(ConfigurableResource["StaxpipeResource"]):
    """Our own side: settings, database, lake and landing store. Settings are read when it is first used."""

    _engine: Engine | None = PrivateAttr(default=None)
    _settings: Settings | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator["StaxpipeResource"]:
        """Open the database, and close it when the run or tick is over."""
        del context
        self._settings = read_settings()
        if self._settings.database_url is None:
            raise PermanentError(
                "STAXPIPE_DATABASE_URL is not set. `staxpipe up` sets it for what it starts; where Dagster is "
                "started in another way, set it to the metadata database."
            )
        self._engine = make_engine(self._settings.database_url.get_secret_value())
        try:
            yield self
        finally:
            self._engine.dispose()

    @property
    def settings(self) -> Settings:
        """Every setting."""
        if self._settings is None:
            raise RuntimeError("the resource is used outside a run")
        return self._settings

    @property
    def engine(self) -> Engine:
        """The metadata database."""
        if self._engine is None:
            raise RuntimeError("the resource is used outside a run")
        return self._engine

    def platform(self) -> Platform:
        """What ingest steps need."""
        ours_in_s3 = self.settings.landing.startswith("s3://")
        if not ours_in_s3:
            return Platform.open(self.settings, self.engine)
        # Imported where it is needed: dagster_aws loads all of its services, and every run would wait for that.
        # Not a nested resource either: Dagster 1.13 warns of its own deprecations when it resolves those.
        from dagster_aws.s3 import S3Resource

        return Platform.open(self.settings, self.engine, S3Resource(region_name=self.settings.region).get_client())

    def bucket(self, link: Link) -> Bucket:
        """A customer's bucket, by the linked role; credentials are made now and renew themselves."""
        return link_bucket(operator_session(self.settings), link)

    def look(self, subject: Subject) -> Facts:
        """What the doctor's checks are made from, asked by the linked role."""
        return look(operator_session(self.settings), subject)

    def billing(self) -> Billing:
        """What customers' bills say beside their buckets, asked by the linked roles."""
        return LinkBilling(operator_session(self.settings))
