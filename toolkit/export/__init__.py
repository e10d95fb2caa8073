"""`toolkit export`: a Keras model -> a self-contained, verified ONNX file. TensorFlow lives here.

options   what can be asked for
job       load, convert, change, verify, write
result    what came out
trace     the classifier as a function of a picture and its large weights
convert   Keras -> ONNX (tf2onnx)
opset     which opset, and why
step      a step: before-check, change, after-check
graph/    one file per graph change
pictures  what the export is verified on
verify    ONNX Runtime against Keras, on the file as it will be
"""
