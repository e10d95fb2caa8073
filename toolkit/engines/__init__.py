"""Where shards of work run; whoever uses one knows the protocol only.

protocol  what a worker, a shard and an engine are
threads   this process: shards prepared ahead in threads
local     processes of this machine, one worker each; a crash takes down one
shared    such processes prepare shards for one worker in this process, in shared memory: for a GPU
memory    memory that a process shares with those that it starts
process   a process with a worker in it: both sides of the pipe between them
isolate   which item of a shard is at fault when its process dies

ray_engine    a Ray cluster: this side of it, in the process that hands out the work
ray_door      whether a cluster may be at an address
ray_driver    the process that talks to Ray
ray_dispatch  in it: shards to workers, again where one is lost
ray_worker    an actor on the cluster with one worker in it
ray_search    which item of a shard is at fault when its workers die, Ray's own process and all
ray_cluster   starts or joins a cluster, quietly, with errors in plain words
ray_settings  what the process that talks to Ray is told
"""
