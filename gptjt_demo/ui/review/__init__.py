"""The review tab."""
