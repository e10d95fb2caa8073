"""`toolkit export`: a model -> a self-contained, verified ONNX file. TensorFlow lives here.

options      what can be asked for
job          open, convert, change, verify, write
result       what came out
source       what is exported: a Keras model, or an ONNX classifier from elsewhere
trace        a Keras classifier as a function of a picture and its large weights
convert      Keras -> ONNX (tf2onnx)
resizing     resizing that tf2onnx gets wrong, or can't write
onnx_source  an ONNX classifier from elsewhere, brought into our form
opset        which opset, and why
reduce       from float32 to the precision that was asked for
calibration  pictures that int8 takes its ranges from, and those that judge it
step         a step: before-check, change, after-check
graph/       one file per graph change
precision/   int8 and fp16
save         the finished file, and what it says of itself
pictures     what the export is verified on
verify       the exported file against its source
"""
