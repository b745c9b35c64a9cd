"""What the implicit codes learnt, and whether they matter: reads runs and checkpoints, and draws.

    implicit     the codes themselves: Figure 9, over the training, cosines, factors     refinement.py, channels.py,
                                                                                         history.py, factors.py, projector.py
    ablate       what each code is worth: set, swapped, shuffled, put back               interventions.py, bootstrap.py
    alignment    features before and after their code: Figure 4                          object_features.py, cka.py
    conflict     cosines of the tasks' gradients                                         conflict.py
    curves       learning curves with and without codes: Figure 11                       curves.py, comparison.py
    cost         parameters, FLOPs, latency: Table 7                                     cost.py
    atlas        all of it that one run can tell                                         atlas.py

Every verb makes a `Section` (report.py); sections of one folder share one report. subject.py opens what is looked at,
figure.py is how every picture looks.
"""
