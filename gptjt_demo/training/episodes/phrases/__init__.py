"""What episodes are made of: phrase lists, words in pairs and kinds, names, sentences, and how people type."""
