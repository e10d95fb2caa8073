"""`toolkit train`: a recipe and labelled pictures -> a run folder.

options     what can be asked for
job         data -> model -> run folder
plan        what is trained on what
result      what came out

recipe      what a recipe is: a network, and every setting of its training
recipes/    one file per recipe
blocks      what the networks of our recipes are made of
settings    a recipe's defaults with the user's choices on top

start       the network that a run begins with: the recipe's, or a trained one with a new last layer
makes       networks and trainers of one run, made as they are needed
trainer     one network in training: its step
fused       batch normalisation as one operation in it
mixing      pictures of a batch mixed in pairs
loss        what a step makes small
optimizers  the optimisers by name
arithmetic  the number format that this processor really computes in
schedule    the learning rate of a step
average     a running average of the weights
balance     weights for classes of very unequal size
teacher     what a trained model says of the training pictures

views       which view of each picture an epoch shows
batches     batches of these views, ready before they are asked for
fit         an epoch after the other: the only training loop
calibrate   a temperature for the finished network, folded into its last layer
stopping    when to stop early, and which epoch was the best

run_folder  what a run folder holds, and what an earlier run left in it
record      what run.json says of a run
checkpoint  the model to use, and what is needed to go on
keeper      what a run writes down after each epoch, and what an earlier one is taken up from
told        the lines that a run prints
"""
