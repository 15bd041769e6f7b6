"""The about tab."""
