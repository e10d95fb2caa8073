"""`toolkit train`: a recipe and labelled pictures -> a run folder. TensorFlow lives in fit and the recipes.

options     what can be asked for
job         data -> model -> run folder
result      what came out
recipe      what a recipe is
recipes/    one file per recipe
settings    a recipe's defaults with the user's choices on top
optimizers  the optimisers by name
batches     shuffled, augmented batches, the same for the same seed
fit         build, compile, fit, resume: the only training loop
run_folder  what a run folder holds, and what an earlier run left in it
"""
