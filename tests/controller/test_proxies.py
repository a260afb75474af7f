"""Which calls go through a proxy, as Go's programs decide it."""

from __future__ import annotations

import pytest
from yarl import URL

from davy.controller.proxies import Proxies

PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("url", "bypass", "through"),
    [
        ("http://hooks.example/", "", True),
        ("http://hooks.example/", "*", False),
        ("http://hooks.example/", "example", False),
        ("http://hooks.example/", ".example", False),
        ("http://example/", ".example", True),
        ("http://hooks.example/", "*.example", False),
        ("http://hooks.example/", "other.example, hooks.example", False),
        ("http://nothooks.example/", "hooks.example", True),
        ("http://hooks.example:8080/", "hooks.example:8080", False),
        ("http://hooks.example:8081/", "hooks.example:8080", True),
        ("http://10.1.2.3/", "10.0.0.0/8", False),
        ("http://11.1.2.3/", "10.0.0.0/8", True),
        ("http://10.1.2.3/", "nonsense/8", True),
        ("http://10.1.2.3/", "10.1.2.3", False),
        ("http://[fd00::1]/", "fd00::/16", False),
        ("http://[fd00::1]:80/", "[fd00::1]:80", False),
        ("http://loadtester.test.svc.cluster.local/", ".cluster.local,.svc", False),
        ("http://localhost:9090/", "", False),
        ("http://127.1.2.3/", "", False),
        ("http://[::1]/", "", False),
    ],
)
def test_what_no_proxy_covers_is_called_directly(url: str, bypass: str, through: bool) -> None:
    proxies = Proxies.of({"HTTP_PROXY": PROXY, "NO_PROXY": bypass})
    assert proxies.proxy_for(URL(url)) == (PROXY if through else None)


def test_each_scheme_has_its_proxy_in_capitals_or_not() -> None:
    proxies = Proxies.of({"http_proxy": "a.test:1", "HTTPS_PROXY": "https://b.test:2"})
    assert proxies.proxy_for(URL("http://x.test")) == "http://a.test:1"
    assert proxies.proxy_for(URL("https://x.test")) == "https://b.test:2"
    assert Proxies.of({}).proxy_for(URL("http://x.test")) is None
