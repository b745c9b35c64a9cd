"""Benchmark: inference, training step and loader, as ratios within one run.

Seconds differ from machine to machine and from minute to minute. So everything is timed in turns within one run
(one call of each variant a round, medians over the rounds) beside a calibration unit: timm's resnet18, float32, eager,
at the same size and batch. What to compare between machines is the ratio to that unit, and the speed-up over the
same model in plain float32.

    run.py      which of them to time
    network.py  inference and training steps
    answers.py  from pictures to results
    loader.py   the training loader
    joint.py    what weightings of losses cost, and what they are worth
    timing.py   calls in turns, and what is reported of each
    memory.py   peaks
"""
