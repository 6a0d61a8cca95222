"""Spanish as it is written in the United States (docs/decisions/0019-spanish.md).

A point before the cents, as on the bill; a clock of twelve hours; where a date is typed or shown in
digits, the month comes first. Months in words are Django's own: 3 de mayo de 2026.
"""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3

DATETIME_FORMAT = "j \\d\\e F \\d\\e Y, g:i\xa0a"
TIME_FORMAT = "g:i\xa0a"
SHORT_DATE_FORMAT = "m/d/Y"
SHORT_DATETIME_FORMAT = "m/d/Y g:i a"
FIRST_DAY_OF_WEEK = 0
DATE_INPUT_FORMATS = ["%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d"]
DATETIME_INPUT_FORMATS = ["%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M"]
