"""The network: trunk, implicit codes, and the multi-task model that joins them.

In reading order:

    implicit.py, operators.py                what g(z) is; how it meets f(x)
    code_spec.py, places.py                  what a config says of codes; before and after a head's last convolution
    spec.py, variants.py                     a trunk as numbers; the paper's
    trunk.py, stages.py                      the skeleton, and its named outputs
    backbone.py, neck.py, csp.py, blocks.py, its parts
    convolution.py, u5r5.py, timm_trunk.py
    multitask.py                             trunk once, then every task
    fold.py                                  the same function without codes and norms
    cost.py, cost_table.py, paper.py         parameters and FLOPs, beside the paper's
    reference.py, reference_layouts.py       published weights
"""
