"""`toolkit verify`: two models on the same pictures.

options  what can be asked for
job      two predictors and labelled pictures -> agreement, accuracy of each, the worst pictures
result   what came out
"""
