"""Paths and what they mean."""

import pytest

from davy.cluster.api.routes import Target, target


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/v1/pods", Target("", "v1", "pods")),
        ("/api/v1/namespaces", Target("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/finalize", Target("", "v1", "namespaces", "", "a", "finalize")),
        ("/api/v1/namespaces/a/pods/b/log", Target("", "v1", "pods", "a", "b", "log")),
        ("/apis/apps/v1/namespaces/a/deployments/b", Target("apps", "v1", "deployments", "a", "b")),
        ("/apis/x.io/v1/namespaces/a/status", Target("x.io", "v1", "status", "a")),
    ],
)
def test_a_resource_path_is_taken_apart(path: str, meant: Target) -> None:
    assert target(path) == meant


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version", "/api/v1/pods//log"]
)
def test_other_paths_mean_no_resource(path: str) -> None:
    assert target(path) is None
