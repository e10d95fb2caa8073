"""Where shards of work run; whoever uses one knows the protocol only.

protocol  what a worker, a shard and an engine are
threads   this process: shards prepared ahead in threads
local     processes of this machine, one worker each; a crash takes down one
process   a process with a worker in it: both sides of the pipe between them
isolate   which item of a shard is at fault when its process dies
"""
