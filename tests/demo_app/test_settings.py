"""The demo app's settings."""

import pytest

from davy.demo_app.settings import BadSettingError, read


def test_nothing_set_gives_a_healthy_app_on_8080() -> None:
    settings = read({})
    assert (settings.port, settings.error_rate, settings.latency, settings.abrupt_exit) == (8080, 0, 0, False)


def test_every_variable_is_read() -> None:
    env = {
        "POD_IP": "127.16.0.1",
        "PORT": "9898",
        "APP_VERSION": "2.0",
        "POD_NAME": "app-1",
        "APP_ERROR_RATE": "0.2",
        "APP_LATENCY_MS": "40",
        "APP_START_DELAY_S": "1.5",
        "APP_EXIT": "abrupt",
        "APP_SEED": "0.5",
    }
    assert read(env) == ("127.16.0.1", 9898, "2.0", "app-1", 0.2, 0.04, 1.5, True, 0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("APP_ERROR_RATE", "20"), ("APP_ERROR_RATE", "x"), ("APP_LATENCY_MS", "-1"), ("PORT", "70000"), ("APP_EXIT", "x")],
)
def test_a_wrong_value_names_the_variable_and_the_value(name: str, value: str) -> None:
    with pytest.raises(BadSettingError, match=f"{name} is '{value}'; give"):
        read({name: value})
