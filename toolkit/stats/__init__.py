"""Pure mathematics on arrays.

latency         percentiles, summary
intervals       confidence intervals
periodicity     a disturbance that comes back in equal intervals
classification  softmax, top-k, accuracy, per-class figures, confusion, calibration error
logistic        the logistic function
agreement       two sets of probabilities: agreement, differences
"""
