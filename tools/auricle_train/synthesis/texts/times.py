"""Times and dates, as people say them to an assistant.

Out: drafts, see `form`.
"""

from __future__ import annotations

from auricle_train.synthesis.texts.form import Draw
from auricle_train.synthesis.texts.numbers import cardinal, ordinal

TIME_CARRIERS = (
    "set an alarm for {time}", "wake me up at {time}", "remind me at {time} to {do}", "{time}",
    "it is {time}", "the train leaves at {time}", "meet me at {time}", "set a timer for {span}",
    "start a {span} timer", "in {span}", "add {span} to the timer", "wait {span}",
    "what time is it in {place} when it is {time} here", "cancel my {time} alarm",
    "move the meeting to {time}", "from {time} to {other}", "every day at {time}",
    "how long until {time}", "it took {span}", "book a table for {time}", "snooze for {span}",
)  # fmt: skip
DATE_CARRIERS = (
    "what is on my calendar for {date}", "{date}", "remind me on {date}", "on {date}",
    "book a room from {date} to {other}", "my birthday is {date}", "schedule it for {date}",
    "how many days until {date}", "what day is {date}", "she was born on {date}",
    "will it rain {near}", "what happened in {year}", "songs from {year}", "in {year}",
    "{near} at {time}", "add an event {near} at {time}", "the meeting is on {date} at {time}",
    "movies of the {decade}", "is {date} a holiday", "cancel everything {near}",
)  # fmt: skip
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PARTS = ("morning", "afternoon", "evening", "night")
DECADES = ("sixties", "seventies", "eighties", "nineties", "nineteen twenties", "two thousands")
TASKS = (
    "water the plants", "take the bins out", "call the dentist", "feed the cat", "buy stamps",
    "check the oven", "pick up the laundry", "take my pills", "charge the car", "lock the door",
)  # fmt: skip
ZONES = ("tokyo", "london", "sydney", "new york", "mumbai", "cairo", "lima", "oslo", "nairobi")
SPANS = ("second", "minute", "minute", "minute", "hour", "day", "week")


def time(draw: Draw) -> str:
    """Return a sentence with a time of day or a span of time."""
    return draw.one(TIME_CARRIERS).format(
        time=clock(draw), other=clock(draw), span=span(draw), do=draw.one(TASKS),
        place=draw.one(ZONES),
    )  # fmt: skip


def date(draw: Draw) -> str:
    """Return a sentence with a date."""
    return draw.one(DATE_CARRIERS).format(
        date=day(draw), other=day(draw), near=near(draw), year=year(draw), time=clock(draw),
        decade=draw.one(DECADES),
    )  # fmt: skip


def clock(draw: Draw) -> str:
    """Return a time of day: "half past seven", "seven thirty P M", "nineteen oh five"."""
    hour, minute = draw.number(1, 12), draw.one((0, 0, 5, 10, 15, 15, 20, 25, 30, 30, 35, 40, 45,
                                                 50, 55, draw.number(1, 59)))  # fmt: skip
    style = draw.number(0, 4)
    if style == 0:
        return _past(hour, minute)
    if style == 1 and draw.chance(0.3):
        return draw.one(("noon", "midnight", f"twelve {draw.one(('noon', 'midnight'))}"))
    if style == 2 and minute:
        hour = draw.number(0, 23) if draw.chance(0.3) else hour
    said = _hour_and_minute(hour, minute, bare=style != 1)
    ends = ("", "", " A M", " P M", " P M", " in the morning", " in the evening", " tonight")
    return said + (draw.one(ends) if hour <= 12 else "")


def _hour_and_minute(hour: int, minute: int, bare: bool) -> str:
    if minute == 0:
        return cardinal(hour) if bare else f"{cardinal(hour)} o'clock"
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"


def _past(hour: int, minute: int) -> str:
    """Return the time relative to the hour: "twenty past two"."""
    following = cardinal(hour % 12 + 1)
    quarters = {0: f"{cardinal(hour)} o'clock", 15: f"quarter past {cardinal(hour)}",
                30: f"half past {cardinal(hour)}", 45: f"quarter to {following}"}  # fmt: skip
    if minute in quarters:
        return quarters[minute]
    if minute < 30:
        return f"{cardinal(minute)} past {cardinal(hour)}"
    return f"{cardinal(60 - minute)} to {following}"


def span(draw: Draw) -> str:
    """Return a span of time."""
    unit, count = draw.one(SPANS), draw.number(1, draw.one((5, 12, 60, 90)))
    said = f"{cardinal(count)} {unit}{'s' if count > 1 else ''}"
    if unit == "hour" and draw.chance(0.3):
        return f"{said} and {cardinal(draw.one((5, 10, 15, 20, 30, 45)))} minutes"
    fixed = ("half an hour", "an hour and a half", "a quarter of an hour", "two and a half hours")
    return draw.one(fixed) if draw.chance(0.1) else said


def day(draw: Draw) -> str:
    """Return a day of the year, with its weekday or year at times."""
    month, number = draw.one(MONTHS), ordinal(draw.number(1, 31))
    said = draw.one((
        f"{month} {number}", f"{month} {number}", f"the {number} of {month}", f"{number} {month}",
        f"the {number}", f"{month} the {number}",
    ))  # fmt: skip
    if draw.chance(0.2):
        said = f"{draw.one(DAYS)} {said}"
    return f"{said} {year(draw)}" if month in said and draw.chance(0.3) else said


def near(draw: Draw) -> str:
    """Return a day relative to today."""
    weekday, part = draw.one(DAYS), draw.one(PARTS)
    return draw.one((
        "tomorrow", "today", "tonight", f"tomorrow {part}", f"on {weekday}", f"next {weekday}",
        f"this {weekday} {part}", f"on {weekday} {part}", "the day after tomorrow", "next week",
        "this weekend", f"in {cardinal(draw.number(2, 14))} days", f"last {weekday}",
    ))  # fmt: skip


def year(draw: Draw) -> str:
    """Return a year: "nineteen eighty four", "two thousand and six", "twenty twenty five"."""
    number = draw.number(1700, 2035) if draw.chance(0.3) else draw.number(1950, 2030)
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010 or (number < 2035 and number >= 2010 and draw.chance(0.2)):
        joint = " and" if rest and draw.chance(0.4) else ""
        return f"two thousand{joint}{' ' + cardinal(rest) if rest else ''}"
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"
