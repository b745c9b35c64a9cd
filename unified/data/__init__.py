"""From files to batches: readers, samples, transforms, mosaic, loader.

In reading order:

    sample.py, annotations.py, dataset.py    the values that data and tasks speak; a data set in flat arrays
    readers/, fields.py, findings.py         files of every format → annotations, with all that is wrong
    picture.py, shelf.py                     files → RGB; pictures decoded lately
    pipeline.py, letterbox.py, augment.py,   one picture → one network input, as it is or changed at random
    transforms.py, mosaic.py, paint.py, views.py
    plan.py, kinship.py, loader.py,          who is drawn when, and with whom; batches made by other processes
    parcel.py, workers.py
    joined.py, mix.py, audience.py, subset.py   several data sets in one training
    check.py, checks/, mend.py, report.py,   the verbs of `unified data`
    stats.py, convert.py, partition.py, writers/, unfinished.py, browse.py, shapes/
"""
