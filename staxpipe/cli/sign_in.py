"""`staxpipe sign-in`: another one-time link to the onboarding pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LIFETIME = timedelta(hours=12)


def sign_in() -> None:
    """Print a link that signs one person in as operator, once, within twelve hours.

    `staxpipe up` prints one when it starts; this makes another, whether or not it is running.
    """
    from staxpipe.db import audit_log, sign_in_links
    from staxpipe.db.link_requests import OPERATOR
    from staxpipe.errors import PermanentError
    from staxpipe.local.address import pages_url
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.settings import read_settings

    settings = read_settings()
    if not settings.links_sign_in:
        raise PermanentError(
            f"Sign-in links are switched off: people sign in with {settings.oidc_name}. For the day when that is down, "
            "set STAXPIPE_SIGN_IN_LINKS to true and start staxpipe anew."
        )
    with open_database(settings) as engine, engine.begin() as connection:
        token = sign_in_links.issue(connection, datetime.now(UTC), LIFETIME)
        audit_log.record(connection, OPERATOR, "sign-in-link.made", "session", "done", whereabouts())
    print(f"{pages_url(settings)}/sign-in/{token}")
