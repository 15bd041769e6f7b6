"""A person looks at a model's answers: which rows first, what was decided, how good the file is then, the file back."""
