"""ONNX Runtime: the only folder that opens sessions.

devices    auto, cpu, cuda:1 -> execution providers; requested means obtained
session    open a session; run(batch) -> probabilities
signature  inputs and outputs: name, dtype, layout, size
"""
