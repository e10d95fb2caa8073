"""Classify pictures by the million: one row per input, in input order.

options        what is asked for
job            the straight line from PATH... to a file of predictions and a summary
result         records, and the summary of a run
stages         where the time goes, which stage set the speed, and what would help
classifier     a model that classifies files: what `toolkit.load` gives

choose_engine  which engine suits the inputs, and how many workers pay
start          how a worker is made, wherever it works
prepare        the way of a batch to pixels: read -> decode -> fit
worker         one shard's whole way: prepare -> run -> top-k
at_once        how many pictures a CPU runs through a model at once
shard          what travels between a run and its workers
pipeline       inputs -> shards to an engine -> rows, in input order
rows           inputs with what became of each, in columns
run            rows to the output, the summary and the class folders
summary        counts, confusion matrix and samples, kept while rows pass by
kept           pictures of examples from archives and addresses, for the report

begin          begin, resume or refuse the outputs
output         the predictions file while it grows
device         predictions that go to a device or a pipe
journal        what an unfinished file was begun with, and how far it can be trusted
lock           one run at a time works on an output
resume         what an earlier run did already, matched with the inputs of this one
made_again     whether a finished file's rows are those of this model
aside          rows of an earlier run that wait for their inputs
writers        what a format of predictions is, and the choice of one
columns        names of an output's columns, and which of a list's can stand beside them
csv_format     CSV: rows to lines and back
json_format    JSON lines: rows to lines and back
parquet        Parquet, in row groups
sort_into      copy or link pictures into a folder for each class
"""
