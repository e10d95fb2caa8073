"""Pure mathematics on arrays.

latency         percentiles, summary
intervals       confidence intervals
periodicity     a disturbance that comes back in equal intervals
classification  softmax, top-k, accuracy, per-class figures, confusion matrix, calibration error
confusions      which classes are taken for which
logistic        the logistic function
temperature     the one number that makes probabilities mean what they say
agreement       two sets of probabilities: agreement, differences
"""
