"""Training: the loop, the joint loss, the optimiser, checkpoints, logs."""
