"""Classify pictures by the million: one row per input, in input order.

options     what is asked for
job         the straight line from PATH... to a file of predictions and a summary
result      records, and the summary of a run
classifier  a model that classifies files: what `toolkit.load` gives
worker      one batch's whole way: read -> decode -> fit -> run -> top-k
pipeline    batches decoded ahead, in order, in bounded memory
writers     CSV and JSONL: one small class each, and the choice of a writer
parquet     Parquet, in row groups
output      the predictions file: whole, or holding the finished rows of an interrupted run
summary     counts, confusion matrix and samples, kept while rows pass by
"""
