"""Advice about a template that is valid."""
