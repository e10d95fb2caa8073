"""For human eyes, drawn from results only.

tables    terminal tables
style     palette, fonts, figures -> PNG and SVG
charts    confusion matrix, calibration, curves, latency
gallery   picture beside its probability bars, as PNG
page      what a page is made of, as plain values
cards     pictures and answers -> the cards of a page
facts     the machine and the versions
html      pages from templates/
train evaluate evaluate_page classify bench bench_page    what each command's report contains
"""
