"""Pure functions on tensors and pictures: no model, no data set, no configuration."""
