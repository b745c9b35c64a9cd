"""What the implicit codes learnt, and whether they matter: reads runs and checkpoints, and draws.

    implicit     the codes themselves, Figure 9: refinement.py, channels.py, history.py, factors.py, projector.py
    ablate       what each code is worth: interventions.py, bootstrap.py, ablate_plot.py
    alignment    features before and after their code, Figure 4: object_features.py, cka.py
    conflict     cosines of the tasks' gradients
    curves       learning curves with and without codes, Figure 11: curves.py, comparison.py
    cost         parameters, FLOPs, latency, Table 7
    atlas        all of it that one run can tell

Every verb makes a `Section` (report.py); sections of one folder share one report. subject.py opens what is looked at,
figure.py is how every picture looks.
"""
