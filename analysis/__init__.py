"""What a training did and what the implicit codes learnt, read from runs; nothing but the CLI depends on it."""
