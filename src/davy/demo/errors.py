"""Why the demo could not be run or did not show what it promises, in one line for people."""


class DemoFailed(Exception):  # noqa: N818 - a result, not a mistake in the program
    """The demo ends here. The first line says why; `details` are further lines."""

    def __init__(self, why: str, *details: str) -> None:
        super().__init__(why)
        self.details = details
