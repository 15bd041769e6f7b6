"""Training recipes, a YAML file each."""
