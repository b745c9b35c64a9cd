"""What needs nothing else of unified: boxes, frames, pictures, devices, locks."""
