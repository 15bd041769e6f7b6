"""Pieces of HTML that every tab shows."""
