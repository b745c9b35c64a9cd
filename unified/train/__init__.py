"""Training: the loop, the joint loss, the optimiser, checkpoints, logs.

In reading order:

    trainer.py                               the loop; an update: batches through `Differentiator` (trunk once, heads,
                                             joint loss, backward), then clip, rates, optimiser step, EMA
    differentiate.py, window.py              one batch's gradient; what one update saw
    joint.py, schedule.py, scale.py          the joint loss: which tasks count when, on which scale
    weighting/, conflict.py                  how the weights are found; whether the tasks pull the same way
    plan.py, optim.py, muon.py, fused_sgd.py a recipe → the numbers of this run → an optimiser
    ema.py, freezing.py, precision.py        averaged weights; what stands still; number formats
    run.py, checkpoint.py, state.py, rng.py  what is left behind, and what comes back when a run goes on
    durable.py, interruption.py              files that survive a kill; Ctrl-C
    warm_start.py, ranks.py                  other weights to begin from; several processes
    log.py, code_log.py, terminal.py,        what is told, and where
    tensorboard.py, speed.py
"""
