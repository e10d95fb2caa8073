"""ONNX Runtime: the only folder that opens sessions.

library           ONNX Runtime itself, imported so that it tells nobody what it runs; what its build has
devices           auto, cpu, cuda:1, provider:NAME -> execution providers; requested means obtained
provider_options  KEY=VALUE for a provider, checked against the names that it knows
start             create the session on the device that was asked for, or say why not
placement         where the nodes are: a provider that is listed first may compute nothing
session           an open session: run(batch) -> scores; what runs where
binding           buffers on a device, bound once, and CUDA graphs
cuda              why the CUDA provider doesn't start: driver, libraries, wheels
messages          what its exceptions and CUDA's mean, without the places in its source code
race              several models against each other in this process, in turn
signature         inputs and outputs: name, dtype, layout, size
values            run a model and return any of its values, not only the output
"""
