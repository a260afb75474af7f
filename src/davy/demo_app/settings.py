"""The demo app's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """What the app does; every field is one environment variable (see `read`)."""

    address: str
    port: int
    version: str
    pod: str
    error_rate: float
    latency: float  # seconds
    start_delay: float  # seconds
    abrupt_exit: bool
    seed: float  # where in the error pattern this process begins, 0..1


class BadSettingError(ValueError):
    """An environment variable that cannot be used; the message is for people."""


def read(env: Mapping[str, str]) -> Settings:
    """Read the settings. Raises BadSettingError naming the variable, its value and what would be right."""
    return Settings(
        address=env.get("POD_IP", "127.0.0.1"),
        port=int(_number(env, "PORT", "8080", 65535)),
        version=env.get("APP_VERSION", "unknown"),
        pod=env.get("POD_NAME", env.get("HOSTNAME", "unknown")),
        error_rate=_number(env, "APP_ERROR_RATE", "0", 1),
        latency=_number(env, "APP_LATENCY_MS", "0", 3_600_000) / 1000,
        start_delay=_number(env, "APP_START_DELAY_S", "0", 3600),
        abrupt_exit=_one_of(env, "APP_EXIT", ("graceful", "abrupt")) == "abrupt",
        seed=_number(env, "APP_SEED", "0", 1),
    )


def _number(env: Mapping[str, str], name: str, default: str, maximum: float) -> float:
    text = env.get(name, default) or default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= maximum:
        raise BadSettingError(f"{name} is {text!r}; give a number between 0 and {maximum:g}")
    return value


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = env.get(name, choices[0]) or choices[0]
    if value not in choices:
        raise BadSettingError(f"{name} is {value!r}; give one of {', '.join(choices)}")
    return value
