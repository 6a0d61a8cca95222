"""Spanish as it is written in the United States: a point before the cents, as on the bill."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
