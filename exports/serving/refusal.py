"""A request that is not answered: the HTTP status and one line that says why."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - the server's regular answer, not a failure of the program
    """Raised while a request is read; the client gets `{"error": message}` with the status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
