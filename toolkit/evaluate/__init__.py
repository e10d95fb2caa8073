"""`toolkit evaluate`: how good a model is on labelled data.

options      what is asked
job          data -> probabilities -> figures, files
metrics      probabilities and truth -> figures
examples     which right and wrong examples the gallery shows
predictions  the predictions file
robustness   how accuracy falls with worse pictures
result       what was found
"""
