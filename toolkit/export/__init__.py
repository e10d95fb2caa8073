"""`toolkit export`: a Keras model -> a self-contained, verified ONNX file. TensorFlow lives here.

options  what can be asked for
job      load, convert, change, verify, write
result   what came out
step     a step: before-check, change, after-check
convert  Keras -> ONNX (tf2onnx), uint8 input and normalisation inside the graph
opset    which opset, and why
graph/   one file per graph change
pictures what the export is verified on
verify   ONNX Runtime against Keras, on the file as it will be
"""
