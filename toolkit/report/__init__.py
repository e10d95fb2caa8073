"""For human eyes, drawn from results only.

tables   terminal tables
charts   curves, confusion matrix, latency plots
gallery  picture beside its probability bars
html     pages from templates/
train evaluate classify bench    what each command's report contains
"""
