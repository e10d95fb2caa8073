"""Pixels -> model input; pure functions.

plan         what a model wants, as one value
transforms   resize (stretch, crop, pad), normalise, NHWC <-> NCHW
corruptions  the same pictures, damaged in known ways
"""
