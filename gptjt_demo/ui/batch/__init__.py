"""The batch tab."""
