"""The command line: the only place that parses, prints and exits.

app             registers the commands; the one error boundary
options         option types that several commands share
console         standard output and error, --quiet, --json, NO_COLOR, progress
model_argument  ONNX or Keras? -> predictor or description (the only place that asks)
train evaluate export verify classify bench inspect models doctor demo     one file per command
"""
