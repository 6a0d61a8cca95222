"""Members and bills from files: CSV and FHIR R4 (docs/import.md).

A reader turns files into records that are valid in themselves (`csv_format`, `fhir_format`); the
writer brings the database in line with them (`apply`); the report says what changed.
"""
