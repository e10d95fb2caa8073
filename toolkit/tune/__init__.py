"""`toolkit tune`: a recipe and labelled pictures -> better settings, found by trying. Optuna lives in study.

options  what can be asked for
job      trial after trial -> a table, and the command that trains the best
result   what was tried and found
study    the search itself: what to try next, what to give up early, the file that remembers
space    what a recipe lets a search try
table    trials.csv
"""
