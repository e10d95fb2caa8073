"""Pixels -> model input; pure functions.

plan           what a model wants, as one value
normalization  what range it wants: by a name, or by mean and standard deviation
transforms     resize (stretch, crop, pad), normalise, NHWC <-> NCHW
corruptions    the same pictures, damaged in known ways
"""
