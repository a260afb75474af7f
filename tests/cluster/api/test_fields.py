"""The algebra of field sets, against sets of paths."""

from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api import fields as f
from davy.cluster.api.fields import Path

ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
PATHS = st.sets(st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple), max_size=8)


@given(PATHS)
def test_a_set_has_the_paths_it_was_made_of(paths: set[Path]) -> None:
    assert set(f.paths(f.of(paths))) == paths


@given(PATHS, PATHS)
def test_union_intersection_and_difference_are_those_of_sets(a: set[Path], b: set[Path]) -> None:
    left, right = f.of(a), f.of(b)
    assert set(f.paths(f.union(left, right))) == a | b
    assert set(f.paths(f.intersection(left, right))) == a & b
    assert set(f.paths(f.difference(left, right))) == a - b


@given(PATHS, st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple))
def test_without_takes_a_field_and_what_is_below_it(paths: set[Path], gone: Path) -> None:
    left = set(f.paths(f.without(f.of(paths), gone)))
    assert left == {path for path in paths if path[: len(gone)] != gone}


@given(PATHS)
def test_the_operations_leave_their_arguments_alone(paths: set[Path]) -> None:
    fields = f.of(paths)
    f.union(fields, f.of([("f:a", "f:z")]))
    f.difference(fields, f.of([("f:a",)]))
    assert set(f.paths(fields)) == paths


def test_a_path_is_shown_as_conflicts_show_it() -> None:
    keys = f.key_element({"protocol": "TCP", "containerPort": 80})
    assert f.shown(("f:spec", keys, "f:name")) == '.spec[containerPort=80,protocol="TCP"].name'
    assert f.shown(("f:tags", f.value_element("x"))) == '.tags[="x"]'
