"""Whose early end is heard, and whose is not."""

import asyncio
import sys
from pathlib import Path

import pytest

from davy.demo.company import Company
from davy.demo.errors import DemoFailed

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


async def test_an_early_end_breaks_the_company(tmp_path: Path) -> None:
    async with Company(tmp_path) as company:
        process = await company.start("operator", SLEEPER)
        process.kill()
        with pytest.raises(DemoFailed, match="the operator has ended by itself, with status -9"):
            await company.broken()


async def test_whoever_is_excused_may_end_early(tmp_path: Path) -> None:
    async with Company(tmp_path) as company:
        excused = await company.start("operator", SLEEPER)
        needed = await company.start("witness", SLEEPER)
        company.excuse("operator")
        excused.kill()
        await excused.wait()
        await asyncio.sleep(0)
        needed.kill()
        with pytest.raises(DemoFailed, match="witness"):
            await company.broken()
