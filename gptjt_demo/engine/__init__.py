"""The one way to a model: prompts in, completions and label scores out. Knows neither templates nor models' names."""
