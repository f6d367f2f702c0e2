"""Why a call of the reranker fails."""

from __future__ import annotations


class TooLate(Exception):
    """The scores would come after the caller's deadline, as far as can be told."""


class RerankFailed(Exception):
    """The model cannot score one text of this call, also alone; trying again will not help.

    `index` is the text's position among those of the call.
    """

    def __init__(self, index: int) -> None:
        """The failure of the call's text at `index`."""
        super().__init__(f"text {index} cannot be scored")
        self.index = index
