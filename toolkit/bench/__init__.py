"""`toolkit bench`: latency and throughput, honestly.

options     what was asked for
job         options -> result: the straight line
result      what was found
rounds      cases while they are being measured
cases       models x devices x batch sizes x threads -> ordered, interleaved cases
inputs      distinct random pictures, prepared before the clock starts
scenarios   single-stream, multi-stream, server, offline: when to send what
measure     the timing loops: a clock and run(batch) in, nanoseconds out
cold_start  load and first inference, in a process of their own
summary     nanoseconds -> percentiles, throughput, intervals
compare     against a baseline
gates       limits that the user set
record      the benchmark JSON (schema 1) in and out
samples     raw samples <-> compressed text
warnings    signs of an untrustworthy figure, each with its remedy
"""
