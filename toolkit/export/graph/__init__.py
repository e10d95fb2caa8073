"""Changes of the graph, one file each.

draft           a graph while it is being changed, its large weights beside it
erfc            erfc(x) as 1 - erf(x)
portable        standard operators only, nothing random, nothing about the machine that made it
interface       names and shapes at the border: image, probabilities, batch
fold_constants  what depends on constants only, computed once
fold_scaling    the scaling of pixels folded into the first convolution
fold_into_conv  batch normalisation folded into the convolution before it
flatten         flatten without shape nodes, the transpose taken into the dense weights
"""
