"""The command line: the only place that parses, prints and exits.

app             registers the commands; the one error boundary
command         a command of the parser's, strict about empty values
usage           what the parser can't read, in our words
options         option types that several commands share
retyped         the command as it was typed, with something added
console         standard output and error, --quiet, --json, NO_COLOR, progress
rows            rows of a classification on standard output, in pieces
gates           what happens when a quality gate is not met, or pictures were left out
model_argument  ONNX or Keras? -> predictor or description (the only place that asks)

train tune evaluate export verify classify bench inspect models doctor demo  one file per command
"""
