"""Rows on the page: the grid of examples, and a visitor's file."""
