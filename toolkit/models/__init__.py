"""Shipped models and what a MODEL argument means.

catalog    names -> files and their figures (`toolkit models`)
card       labels, input size, recipe, accuracy ... <-> metadata_props
files      all files of a model, to take along to another machine
head       what a model's output is, and the way from it to probabilities
matching   the classes of data or of another model against a model's outputs
onnx_file  an .onnx file as the onnx library reads it, and its opset
mirror     a classifier asked for each picture and its mirror image
open       MODEL argument -> session + card + preprocessing
predictor  what evaluate, verify and export ask of a model
"""
