"""Changes of the graph, one file each.

draft              a graph while it is being changed, its large weights beside it
nodes              what nodes say, and other names for values
write              a draft as one file, weight after weight
mend               the two after it, in one step
missing_operators  operators that ONNX doesn't have, with two that it has
transposed         padding of transposed convolutions, never negative
portable           standard operators only, nothing random, nothing about the machine that made it
interface          names and shapes at the border: image, probabilities, batch
fold_constants     what depends on constants only, computed once
fold_scaling       the scaling of pixels folded into the first convolution
fold_into_conv     batch normalisation folded into the convolution before it
flatten            flatten without shape nodes, the transpose taken into the dense weights
drop_reshapes      reshapes that lead back to the shape they came from
fold_pad           padding by zeros folded into the convolution or pooling after it
keep_pad           padding by zeros before a max pooling kept as it is
crop_unused        the picture cropped to the pixels that reach the output
mirror             the mean of a picture and its mirror image, last of all
dense              a dense layer and its bias as one node
block_columns      for int8: columns of the picture taken in blocks by the first convolution
flatten_nhwc       for int8: flatten in the order of its kernels
"""
