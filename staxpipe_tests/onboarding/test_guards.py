"""Which requests a browser sent for another site, and which headers go with an address."""

from __future__ import annotations

import pytest

from staxpipe.onboarding.guards import cross_site, security_headers

BASE = "https://costs.example.com"


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "cross-site", "origin": BASE}, True),
        ({"sec-fetch-site": "nonsense"}, True),
        ({"origin": BASE}, False),
        ({"origin": "https://COSTS.example.com"}, False),
        ({"origin": "http://localhost:8600", "host": "localhost:8600"}, False),
        ({"origin": "https://evil.example.com", "host": "costs.example.com"}, True),
        ({"origin": "https://costs.example.com.evil.net", "host": "costs.example.com"}, True),
        ({"origin": "http://localhost:9000", "host": "localhost:8600"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({}, False),  # no browser: nobody's cookies
    ],
)
def test_unsafe_requests_from_elsewhere_are_refused(headers: dict[str, str], refused: bool) -> None:
    assert cross_site("POST", headers, BASE) is refused
    assert cross_site("DELETE", headers, BASE) is refused
    assert cross_site("GET", headers, BASE) is False


def test_strict_transport_goes_with_https_only() -> None:
    assert "Strict-Transport-Security" in security_headers(BASE)
    assert "Strict-Transport-Security" not in security_headers("http://127.0.0.1:8600")
