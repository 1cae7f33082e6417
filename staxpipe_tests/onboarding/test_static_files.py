"""Pages are never kept by browsers, and what makes them look so is."""

from __future__ import annotations

import re

from staxpipe_tests.onboarding.conftest import Pages


def test_browsers_keep_files_whose_address_has_their_hash_and_no_page(pages: Pages) -> None:
    visitor = pages.visitor()
    page = visitor.get("/help")
    assert page.headers["cache-control"] == "no-store"
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(set(addresses)) == 4
    for address in addresses:
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert visitor.get("/static/no-such-file").headers["cache-control"] == "no-store"
