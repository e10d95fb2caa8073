"""Changes of the graph, one file each.

portable      standard operators only, nothing random, nothing about the machine that made it
interface     names and shapes at the border: image, probabilities, batch
fold_scaling  the scaling of pixels folded into the first convolution
flatten       flatten without shape nodes, the transpose taken into the dense weights
index         who makes and who uses each value of a graph
"""
