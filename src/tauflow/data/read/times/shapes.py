"""How a moment can be written as text: one regular expression per shape, a shape being the text with every digit as 0.

Full dates with or without a clock: ISO 8601 (calendar, week and ordinal dates), 02.10.2012, 10/2/2012, 2 October 2012,
Oct 2, 2012, 20121002T0905Z, 20121002 0905, the stamps of RFC 2822, of web servers, of JavaScript and of C's ctime.
Months (2012-10, 10/2012, Oct 2012), quarters (2012Q4, Q4 2012) and weeks (2012-W40) are their first moment.
A moment may end in Z, UTC, GMT or an offset, and after it in a bracketed region or a comment in parentheses.

Y year, m month by number, M by name, d day, a and b day and month in either order, Q quarter, W week, w day of the
week, D day of the year, H hour, i minute, s second, f its fraction, p am or pm, z offset.
"""

from __future__ import annotations

import re
from functools import lru_cache

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_REST = ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember")
_NAME = "(?P<M>" + "|".join(f"{m}(?:{rest})?" for m, rest in zip(MONTHS, _REST, strict=True)) + "|sept)"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? +)?"
_HALF = r"(?: ?(?P<p>[ap])\.?m\.?)"
_CLOCK = rf"(?P<H>00?):(?P<i>00)(?::(?P<s>00)(?:[.,](?P<f>0{{1,9}}))?)?{_HALF}?"
_PACKED = r"(?P<H>00)(?P<i>00)(?P<s>00)?"
_HOUR = rf"(?P<H>00?){_HALF}?"
_NAMED = r"(?P<z>z|utc|gmt)"
_ZONE = r"(?: ?(?P<z>(?:utc|gmt)?[+-]00?(?::?00)?|z|utc|gmt))"
_END = r"(?:\[(?P<region>[a-z_]+(?:/[a-z_]+)*)\])?(?: \([^()]*\))?"

_DATES = (
    r"(?P<Y>0000)(?P<sep>[-/.])(?P<m>00?)(?P=sep)(?P<d>00?)",
    r"(?P<a>00?)(?P<sep>[-/.])(?P<b>00?)(?P=sep)(?P<Y>0000)",
    rf"(?P<d>00?)(?:st|nd|rd|th)?(?:[-/ ]|\. ?){_NAME}\.?,?[-/ ](?P<Y>0000)",
    rf"{_NAME}\.? +(?P<d>00?)(?:st|nd|rd|th)?,? (?P<Y>0000)",
    rf"(?P<Y>0000)[-/ ]{_NAME}[-/ ](?P<d>00?)",
    r"(?P<Y>0000)(?P<m>00)(?P<d>00)",
    r"(?P<Y>0000)-(?P<D>000)",
    r"(?P<Y>0000)(?:-w(?P<W>00)-|w(?P<W2>00)-?)(?P<w>0)",
)
_PERIODS = (
    r"(?P<Y>0000)[-/](?P<m>00)",
    r"(?P<m>00?)[-/.](?P<Y>0000)",
    rf"{_NAME}\.?,?[-/ ]?(?P<Y>0000)",
    rf"(?P<Y>0000)[-/ ]?{_NAME}",
    r"(?P<Y>0000)[-/ ]?q(?P<Q>0)",
    r"q(?P<Q>0)[-/ ]?(?P<Y>0000)",
    r"(?P<Q>0)[-/ ]?q[-/ ]?(?P<Y>0000)",
    r"(?P<Y>0000)[-/ ]?w(?P<W>00?)",
    r"w(?P<W>00?)[-/ ](?P<Y>0000)",
)
_CTIME = (
    rf"{_NAME} +(?P<d>00?) {_CLOCK}{_ZONE}? (?P<Y>0000)",
    rf"(?P<d>00?)/{_NAME}/(?P<Y>0000):{_CLOCK}{_ZONE}?",
    rf"(?P<Y>0000):(?P<m>00):(?P<d>00) {_CLOCK}",  # as cameras write it
)


def _patterns() -> list[str]:
    dated = [rf"{date}(?:(?:t|,? +){_CLOCK}{_ZONE}?)?" for date in _DATES]
    dated += [rf"{date}(?:t|,? +){_HOUR}(?: ?{_NAMED})?" for date in _DATES]
    dated += [rf"{date}(?:t|,? +){_PACKED}{_NAMED}?" for date in _DATES]
    dated += [rf"{_CLOCK},? +{date}" for date in _DATES[:3]]
    compact = r"(?P<Y>0000)(?P<m>00)(?P<d>00)"
    dated += [rf"{compact}(?:t|){_PACKED}{_ZONE}?", rf"{compact}[-_]{_PACKED}", rf"{compact}[-_t](?P<H>00)"]
    return [rf"{_WEEKDAY}{pattern}{_END}" for pattern in (*dated, *_CTIME)] + list(_PERIODS)


@lru_cache(maxsize=1)
def _compiled() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _patterns())


@lru_cache(maxsize=4096)
def match_shape(shape: str) -> re.Match[str] | None:
    """The fields of a shape, where each of them stands; None when it is no moment."""
    return next((match for pattern in _compiled() if (match := pattern.fullmatch(shape))), None)


def unreadable(text: str, place: str) -> str:
    """Why a text is no moment, and what to write instead."""
    shape = re.sub("[0-9]", "0", text)
    name = "(?:" + "|".join(MONTHS) + ")[a-z]*"
    if not text:
        return f"{place} has no time; every row needs one"
    if re.match(r"00?[-/.]00?[-/.]00(?!0)", shape) or re.search(rf"(?i)^(?:00?[-/ ])?(?:{name}|q0)[-/ ']+00$", shape):
        return f"{place}: '{text}' has a two-digit year; write YYYY-MM-DD, or YYYY-MM where only the month is known"
    if re.match(r"(?i)^(?:00[-/ ]?q0|q0[-/ ']?00)$", shape):
        return f"{place}: '{text}' has a two-digit year; write 2019Q1"
    if re.match(r".{4,} ?(?:[-/]|--|to|bis) ?.{4,}", shape) and _is_span(shape):
        return f"{place}: '{text}' is a span of time; keep its start alone, such as '{re.split(' ?[-/] ', text)[0]}'"
    if region := re.search(r"[\[ ]([A-Z][A-Za-z_]+/[A-Za-z_/]+)\]?$", text):
        return f"{place}: '{text}' names its zone; cut that off and give zone='{region[1]}'"
    if re.search(r"0 ?[A-Za-z]{2,5}$", shape) and re.search(r"00?:00|0000", shape):
        return (
            f"{place}: '{text}' ends in a zone's short name, which is not unique; write +hh:mm, or cut it off and give "
            f"zone= (such as 'Europe/Berlin')"
        )
    if re.match(r"00?:00", shape):
        return f"{place}: '{text}' is a clock time without a date; where the date has a column of its own, give both: time='date,time'"
    return f"{place}: '{text}' is no time stamp that can be read; write YYYY-MM-DD HH:MM:SS"


def _is_span(shape: str) -> bool:
    """Two moments with a mark between them?"""
    return any(
        match_shape(shape[: found.start()]) and match_shape(shape[found.end() :])
        for found in re.finditer(r" ?(?:[-/]|--|to|bis) ?", shape)
    )
