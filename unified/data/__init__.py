"""From files to batches: readers, samples, transforms, mosaic, loader."""
