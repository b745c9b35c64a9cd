"""Indexes of embeddings: vectors with what they show, found again by similarity, in a folder or on a server."""
