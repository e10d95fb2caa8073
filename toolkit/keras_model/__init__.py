"""What a KERAS_MODEL argument means; the only way to Keras for everything but train and export.

tensorflow   import TensorFlow and Keras quietly, or say which extra is missing
files        which kind of file or folder it is, and what code it carries
choices      what a user may have to say about a model, because the file can't
load         KERAS_MODEL -> model and what is known about it
outputs      the outputs of a model, by names that tell them apart
saved_model  a SavedModel folder, used as a Keras model is
float32      a model trained in mixed precision, rebuilt in float32
weights      the weights of one network put into another of the same layers
entrance     what a model makes of pixels before its first layer that computes
input_range  what range of values the model expects
head         what the model's output is, found in its layers or its answers
predictor    uint8 batches -> probabilities, as Keras itself computes them
"""
