"""Days of the week that have a name of their own: "Easter Monday", "Good Friday"."""

from __future__ import annotations

from datetime import datetime, timedelta

from dateutil.easter import easter

from extractor_service.rules.date_rules import Said
from extractor_service.rules.when import When, on_day

# Days from Easter Sunday, as the western churches have it.
_FROM_EASTER = {
    "shrove tuesday": -47,
    "ash wednesday": -46,
    "palm sunday": -7,
    "maundy thursday": -3,
    "good friday": -2,
    "holy saturday": -1,
    "easter saturday": -1,
    "easter sunday": 0,
    "easter monday": 1,
    "whit sunday": 49,
    "whit monday": 50,
}

NAMING = ("black", "cyber", "giving", "super", *{name.split()[0] for name in _FROM_EASTER})
"""What makes of a day of the week another: most of them no more than that is known of."""


def of_feast(said: Said) -> When | None:
    """Resolve "Easter Monday"; not "Black Friday", which is another day in every country."""
    days = _FROM_EASTER.get(" ".join(said.words))
    if days is None:
        return None
    today = said.today()
    feast = _in_year(today, days)
    if said.past and feast > today:
        feast = _in_year(today.replace(year=today.year - 1, day=1), days)
    if not said.past and feast < today:
        feast = _in_year(today.replace(year=today.year + 1, day=1), days)
    return on_day(feast)


def _in_year(year: datetime, days: int) -> datetime:
    sunday = easter(year.year)
    return year.replace(month=sunday.month, day=sunday.day) + timedelta(days=days)
