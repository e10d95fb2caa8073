"""DATA argument -> labelled arrays.

resolve   which form DATA is, and the one door: `load_data`
dataset   Dataset, its splits, and how parts of them are chosen (fixed seed)
cifar10   the official archives, Python and binary
pickles   read the pickles of the Python archive without running what is in them
npz       x_train y_train x_test y_test in one file
folder    class folders: which pictures there are, and in which split
pictures  picture files -> one array
download  fetch once, check the digest, cache
"""
