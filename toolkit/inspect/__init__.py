"""What is inside a model file: `toolkit inspect`.

job           an .onnx file -> InspectResult
keras_layers  a Keras model -> InspectResult
result        the description that both share
shipped       the shipped models with all their figures (`toolkit models`)
graph         layers of an ONNX graph: shape, parameters, MACs, and what is dropped at the border
shapes        the shape of every tensor of an ONNX graph
weights       which constants of an ONNX graph count as parameters
macs          multiply-accumulates of one node of an ONNX graph
extent        the output-size formula, and what a stride leaves out at the border
"""
