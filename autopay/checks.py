"""Refuse to start where autopay could harm."""
