"""`toolkit bench`: latency and throughput, honestly.

options      what was asked for
job          options -> result: the straight line
result       what was found
figures      what one case's measurement consists of: cold starts, rounds, percentiles, stages, trials
cases        models x devices x batch sizes x threads -> ordered, interleaved cases
subjects     models, opened once to learn what they are
rounds       cases while they are being measured, round by round in fresh processes
processes    the parent's side of a measuring process
worker       the process: load, run once, warm up, measure one round
request      what a process is asked and what it answers
inputs       distinct random pictures, prepared before the clock starts; what the clock covers
reference    how fast the machine is right now, timed beside every round
scenarios    single-stream, multi-stream, server, offline, pipeline: when to send what
pipeline     from the file on disk to the classes, stage by stage
measure      the timing loops: a clock and run(batch) in, nanoseconds out
rate_search  bisection for the highest rate that keeps a target latency
highest_rate the same for each case: tried in fresh processes, confirmed by the whole measurement
summary      nanoseconds -> percentiles, throughput, intervals, stage shares
baseline     read and matched before anything is measured; its models measured again
first        each case against the first model's, measured in turns
counterpart  the case of a baseline that a case is compared with
compare      against a baseline: ratio, interval, verdict
gates        limits that the user set
record       the benchmark JSON (schema 1) in and out
stored_rounds raw samples of a record -> rounds, each value looked at
samples      raw samples <-> compressed text
warnings     signs of an untrustworthy figure in the samples, each with its remedy
spinning     whether idle threads of a session spin
circumstances settings, state of the machine, doubts about the whole run
disturbances signs of it in the machine: frequency, throttling, quota, swap, others
"""
