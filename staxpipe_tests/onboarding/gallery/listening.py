"""A request's page while its role is looked for, and the ends that this can come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from staxpipe.db import link_requests
from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Unknown,
    Verdict,
    WrongAccount,
)
from staxpipe_tests.onboarding.gallery.rows import LONG, WEEK, at, draft, invited, known, listening, tried
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World

PAGE = "/requests/{request_id}"
SOON, LATER, NEVER = timedelta(seconds=20), timedelta(hours=2), timedelta()


def _found(verdict: Callable[[str], Verdict], wait: timedelta, attempts: int) -> Callable[[World], Mapping[str, str]]:
    def prepare(world: World) -> Mapping[str, str]:
        request = listening(world)
        return at(tried(world, request, verdict(str(request.role_arn)), wait, attempts))

    return prepare


def _not_yet_looked(world: World) -> Mapping[str, str]:
    return at(listening(world, LONG))


def _seen_by_invited(world: World) -> Mapping[str, str]:
    request = listening(world)
    tried(world, request, NotYetAssumable(str(request.role_arn)), SOON, 2)
    return at(request, invite_id=invited(world, request, first_used_at=world.now).id)


def _expired(world: World, request: LinkRequest) -> Mapping[str, str]:
    assert link_requests.expire_overdue(world.connection, world.now + WEEK)
    return at(known(world, request.id))


def _cancelled(world: World, request: LinkRequest) -> Mapping[str, str]:
    assert link_requests.cancel(world.connection, request.id, world.now)
    return at(known(world, request.id))


LISTENING = (
    Scene("listening", PAGE, _not_yet_looked),
    Scene("listening-not-yet", PAGE, _found(NotYetAssumable, SOON, 3)),
    Scene("listening-for-long", PAGE, _found(NotYetAssumable, LATER, 41)),
    Scene("listening-invited", PAGE, _seen_by_invited, Who.INVITED),
    Scene(
        "listening-ignores-external-id",
        PAGE,
        _found(lambda role: IgnoresExternalId(role, accepts_wrong=True, accepts_none=False), SOON, 1),
    ),
    Scene(
        "listening-throttled",
        PAGE,
        _found(lambda _: Unknown("AWS asks to be asked less often (sts:AssumeRole: ThrottlingException)."), SOON, 5),
    ),
    Scene(
        "listening-without-credentials",
        PAGE,
        _found(lambda _: OperatorRefused("Unable to locate credentials"), LATER, 5),
    ),
    Scene(
        "refused-ignores-external-id",
        PAGE,
        _found(lambda role: IgnoresExternalId(role, accepts_wrong=True, accepts_none=True), NEVER, 2),
    ),
    Scene("refused-wrong-account", PAGE, _found(lambda _: WrongAccount("123456789012", "210987654321"), NEVER, 1)),
    Scene("expired", PAGE, lambda world: _expired(world, listening(world))),
    Scene("expired-draft", PAGE, lambda world: _expired(world, draft(world))),
    Scene("cancelled", PAGE, lambda world: _cancelled(world, listening(world))),
    Scene("cancelled-draft", PAGE, lambda world: _cancelled(world, draft(world))),
)
