"""The tool that tells the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from memory_service.clock import Clock
from memory_service.tools.arguments import BadCall
from memory_service.tools.caller import Action, Caller, Outcome
from memory_service.tools.times import show_moment


class ClockTool:
    """Tells the current date and time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def actions(self) -> Mapping[str, Action]:
        """Return what is done by the tool's own name."""
        return {"get_current_datetime": self._tell}

    async def _tell(self, caller: Caller, given: dict[str, Any]) -> Outcome:
        name = given.get("time_zone", "UTC")
        now = show_moment(self._clock.now()).astimezone(_zone(name))
        return Outcome(
            {
                "datetime": now.isoformat(timespec="seconds"),
                "weekday": f"{now:%A}",
                "time_zone": name,
            }
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A name that is unknown, no name at all, or that of a folder.
    except (KeyError, ValueError, OSError) as error:
        raise BadCall('time_zone: is no IANA name such as "Europe/Berlin"') from error
