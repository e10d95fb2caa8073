"""Changes of the graph, one file each.

interface  names and shapes at the border: image, probabilities, batch
portable   standard operators only, nothing random, nothing about the machine that made it
"""
