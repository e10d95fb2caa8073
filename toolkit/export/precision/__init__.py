"""Other number formats than float32: fp16, int8, and the choice between them.

int8         quantise a finished graph: static, calibrated on pictures
layout       changes of the graph that make it suit int8 kernels; the result is the same
stored       which precision a graph is in already
layers       which nodes can run in int8, and what belongs to each
ranges       what values each tensor takes on the calibration pictures, in bounded memory
histogram    counts of those values, and the ranges that cut the rarest off
scales       numbers to 8 bits and back: scales, zero points, weights, biases
quantizer    write the graph with QuantizeLinear and DequantizeLinear
tensors      the quantised tensors of a graph while it is being written
running      run a model that isn't a file yet
ways         try other ranges and scales where the usual ones lose answers
sensitivity  find the layers that lose most and keep them in float
auto         measure candidates and keep the fastest that agrees
fp16         half precision inside, float32 at the border
"""
